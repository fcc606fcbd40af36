export function main(args: string[]): Promise<number>
export function startApiServer(options?: {
  execArgv?: string[]
  port?: number
}): Promise<{ url: string; pid: number; stop(): Promise<void> }>
