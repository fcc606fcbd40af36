/** Files of a simulated node. */
import type { Files, MountSource, PodFolders, SubPathRequest, VolumeFile } from '../kubelet/volumes/files.ts'

export class MemoryFiles implements Files {
  readonly content = new Map<string, Uint8Array>()

  async directory(): Promise<void> {}

  async memory(): Promise<void> {}

  async publish(path: string, files: readonly VolumeFile[]): Promise<void> {
    this.forget(path)
    for (const file of files) this.content.set(`${path}/${file.path}`, file.content)
  }

  async hostPath(): Promise<void> {}

  async hostSource(path: string): Promise<MountSource> {
    return { hostPath: path }
  }

  async subPath({ volume, path }: SubPathRequest): Promise<MountSource> {
    return { hostPath: `${volume}/${path}` }
  }

  async tail(path: string, bytes: number): Promise<Uint8Array> {
    return (this.content.get(path) ?? new Uint8Array(0)).slice(-bytes)
  }

  async remove({ own }: PodFolders): Promise<void> {
    this.forget(own)
  }

  private forget(path: string): void {
    for (const known of [...this.content.keys()])
      if (known === path || known.startsWith(`${path}/`)) this.content.delete(known)
  }
}
