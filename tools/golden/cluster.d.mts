export interface StartedCluster {
  readonly url: string
  readonly token: string
  readonly kubeconfig: string
  readonly folder: string
  readonly pid: number
  readonly exited: Promise<number | string>
  output(): string
  stop(): Promise<number | string>
}
export function startCluster(options?: {
  args?: readonly string[]
  token?: string
  env?: Readonly<Record<string, string>>
  readonly data?: string
  as?: { uid: number; gid: number }
  through?: readonly string[]
}): Promise<StartedCluster>
