export const root: string
export function reference(...path: string[]): string | undefined
export function absent(what: string): string
