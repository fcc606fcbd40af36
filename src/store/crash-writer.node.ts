/**
 * The victim of the durability test: a process that writes as fast as it can until it is killed, and notes in a file (which
 * outlives a SIGKILL without any flushing) what it attempted, what its watcher saw and what was acknowledged.
 *
 *   crash-writer FOLDER NOTES SEED
 *   T 7 ["/a/1","x"] ["/b/2",null]     transaction of revision 7 attempted; null deletes
 *   E 7                                 seen by a subscriber
 *   A 7                                 acknowledged to the writer
 */
import { openSync, writeSync } from 'node:fs'
import { SeededRandom } from '../base/random.ts'
import { openLmdbJournal } from './lmdb-journal.node.ts'
import { openStore } from './mvcc-store.ts'

const WRITERS = 16
const KEYS = 40

const [folder = '', notes = '', seed = '0'] = process.argv.slice(2)
const random = new SeededRandom(Number(seed))
const file = openSync(notes, 'a')
const note = (line: string) => void writeSync(file, `${line}\n`)

const store = await openStore<string>({
  journal: await openLmdbJournal(folder),
  codec: {
    encode: (value) => new TextEncoder().encode(value),
    decode: (bytes) => new TextDecoder().decode(bytes),
  },
})
store.subscribe('/', (changes) => note(`E ${changes[0]?.revision}`))

function edits(): [string, string | null][] {
  const keys = new Set(Array.from({ length: 1 + random.int(3) }, () => `/${random.int(3)}/${random.int(KEYS)}`))
  // Values on both sides of LMDB's limit for overflow pages.
  const value = () => `${random.int(1e9)}-${'x'.repeat(random.int(4_000))}`
  // The first is always a put, so that each transaction has a revision of its own.
  return [...keys].map((key, i) => [key, i > 0 && random.int(3) === 0 ? null : value()])
}

async function write(): Promise<never> {
  for (;;) {
    const changes = edits()
    const { revision, durable } = store.transact((txn) => {
      note(`T ${txn.revision} ${JSON.stringify(changes)}`)
      for (const [key, value] of changes) value === null ? txn.delete(key) : txn.put(key, value)
    })
    await durable
    note(`A ${revision}`)
    if (random.int(10) === 0) await new Promise((resolve) => setTimeout(resolve, random.int(3)))
  }
}

process.stdout.write('writing\n')
await Promise.all(Array.from({ length: WRITERS }, write))
