/** Files of the machine, for volumes. */
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
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
  async remove(path) {
    await rm(path, { recursive: true, force: true })
  },
}
