/** What runs on this machine, for tests that wait for its end. */
import { readdirSync, readFileSync } from 'node:fs'

/** Processes whose environment or command line holds `mark`. */
export function processesWith(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) =>
      ['environ', 'cmdline'].some((file) => {
        try {
          return readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(mark)
        } catch {
          return false
        }
      }),
    )
}

/** Resolves when `look` finds nothing more. Looks every 50 ms. */
export async function gone(look: () => readonly unknown[], seconds = 10): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  while (look().length > 0) {
    if (performance.now() > deadline) throw new Error(`still there: ${look().join(', ')}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
