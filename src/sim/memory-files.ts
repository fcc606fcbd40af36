/** Files of a simulated node. */
import type { Files } from '../kubelet/volumes.ts'

export class MemoryFiles implements Files {
  readonly content = new Map<string, Uint8Array>()

  async directory(): Promise<void> {}

  async write(path: string, content: Uint8Array): Promise<void> {
    this.content.set(path, content)
  }

  async tail(path: string, bytes: number): Promise<Uint8Array> {
    return (this.content.get(path) ?? new Uint8Array(0)).slice(-bytes)
  }

  async remove(path: string): Promise<void> {
    for (const known of [...this.content.keys()])
      if (known === path || known.startsWith(`${path}/`)) this.content.delete(known)
  }
}
