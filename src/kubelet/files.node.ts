/** Files of the machine, for volumes. */
import { chmod, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Files } from './volumes.ts'

export const machineFiles: Files = {
  async directory(path, mode) {
    await mkdir(path, { recursive: true })
    await chmod(path, mode)
  },
  async write(path, content, mode) {
    await mkdir(dirname(path), { recursive: true })
    const draft = `${path}.draft`
    await writeFile(draft, content, { mode })
    await chmod(draft, mode)
    await rename(draft, path)
  },
  async tail(path, bytes) {
    try {
      const file = await open(path, 'r')
      try {
        const { size } = await file.stat()
        const from = Math.max(0, size - bytes)
        const { buffer, bytesRead } = await file.read(new Uint8Array(size - from), 0, size - from, from)
        return buffer.subarray(0, bytesRead)
      } finally {
        await file.close()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array(0)
      throw error
    }
  },
  async remove(path) {
    await rm(path, { recursive: true, force: true })
  },
}
