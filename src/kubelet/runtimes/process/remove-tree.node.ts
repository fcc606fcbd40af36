/** Removes what a pod has written: any number of files, with any mode, without holding up the event loop. */
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Never rejects: what cannot be removed goes with the fabric's folder at its end. */
export async function removeTree(folder: string): Promise<void> {
  const options = { recursive: true, force: true } as const
  await rm(folder, options)
    .catch(async () => {
      // An ordinary user may not look into a folder of his own that a pod has locked.
      await unlock(folder)
      await rm(folder, options)
    })
    .catch(() => {})
}

async function unlock(folder: string): Promise<void> {
  await chmod(folder, 0o700)
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await unlock(join(folder, entry.name))
}
