export function kubectlPath(): string
