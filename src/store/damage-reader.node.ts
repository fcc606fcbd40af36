/**
 * The victim of the damage test: opens each given folder as ebb would, in a process of its own because a damaged file that
 * reaches LMDB ends the process. Writes one line for each: `ok REVISION`, or the code of the StoreError.
 */
import { writeSync } from 'node:fs'
import { openLmdbJournal } from './lmdb-journal.node.ts'
import { StoreError } from './store.ts'

for (const folder of process.argv.slice(2)) writeSync(1, `${await outcome(folder)}\n`)

async function outcome(folder: string): Promise<string> {
  let journal: Awaited<ReturnType<typeof openLmdbJournal>> | undefined
  try {
    journal = await openLmdbJournal(folder)
    const { revision, records } = await journal.load()
    const count = [...records].length
    const value = new Uint8Array(3_000)
    const record = { key: '/after/damage', value, createRevision: revision + 1, modRevision: revision + 1, version: 1 }
    await journal.commit({ revision: revision + 1, records: [record] })
    return `ok ${revision} ${count}`
  } catch (error) {
    return error instanceof StoreError ? error.code : String(error)
  } finally {
    await journal?.close()
  }
}
