export async function report(_l: string): Promise<void> {}
