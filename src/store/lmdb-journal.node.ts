/**
 * The journal on disk: one LMDB environment in a folder of its own.
 *
 *   store.json    what this folder is: {"format":"ebb-store","version":1}; store.json.new while it is being made
 *   data.mdb      key -> checksum, three revisions, value; and `!revision`
 *   lock          who holds the folder (folder-lock.node.ts)
 *
 * A folder without our store.json that holds anything else is foreign; one with it whose content does not add up is corrupt.
 * Neither is touched.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type * as Lmdb from 'lmdb'
import { keepPrivate, makeFolder, syncFolder } from '../base/whole-file.node.ts'
import { crc32 } from './crc32.node.ts'
import { type FolderLock, LOCK_FILES, lockFolder } from './folder-lock.node.ts'
import type { Journal, JournalBatch, JournalRecord } from './journal.ts'
import { lmdbDamage } from './lmdb-check.node.ts'
import { StoreError } from './store.ts'

// The CommonJS build is one file and loads in half the time of the other, which is a tenth of what a start may take.
const { open } = createRequire(import.meta.url)('lmdb') as typeof Lmdb

const MARKER = 'store.json'
const FORMAT = 'ebb-store'
const VERSION = 1
const DATA = 'data.mdb'
const LMDB_FILES = [DATA, 'lock.mdb']
/** The key that holds the last revision. Keys of records begin with `/`. */
const REVISION_KEY = '!revision'
/** Checksum (u32), padding, then create revision, mod revision and version (f64 each). */
const HEADER_BYTES = 32
/** Room that must be left on the disk, beside twice what is to be written, for a batch to be tried. */
const DISK_FLOOR_BYTES = 2 * 1024 * 1024
/** The same for a batch that grows: what lies between is for deletions, and for what only changes. */
const DISK_RESERVE_BYTES = 8 * 1024 * 1024

/** Takes the folder and opens it, or makes it. Throws StoreError `locked`, `foreign` or `corrupt`. */
export async function openLmdbJournal(folder: string): Promise<Journal> {
  if (isFresh(folder)) makeFolder(folder)
  const lock = await lockFolder(folder)
  try {
    if (isFresh(folder)) return await makeJournal(folder, lock)
    checkData(folder)
    return new LmdbJournal(folder, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** The marker gets its name last: a folder that has it has data, and one that died in the making has not held any. */
async function makeJournal(folder: string, lock: FolderLock): Promise<Journal> {
  const marker = join(folder, MARKER)
  writeFileSync(`${marker}.new`, `${JSON.stringify({ format: FORMAT, version: VERSION })}\n`, { mode: 0o600 })
  for (const name of LMDB_FILES) rmSync(join(folder, name), { force: true })
  const journal = new LmdbJournal(folder, lock)
  await journal.commit({ revision: 0, records: [] })
  renameSync(`${marker}.new`, marker)
  syncFolder(folder)
  return journal
}

/** True when the folder is to be made: it is missing, empty, or somebody died while making it. Throws when it is not ours. */
function isFresh(folder: string): boolean {
  if (!existsSync(folder)) return true
  if (!statSync(folder).isDirectory()) throw foreign(folder, 'it is not a folder')
  const names = readdirSync(folder)
  if (!names.includes(MARKER)) {
    const begun = names.includes(`${MARKER}.new`)
    const ours = (name: string) =>
      LOCK_FILES.test(name) || name === `${MARKER}.new` || (begun && LMDB_FILES.includes(name))
    if (names.every(ours)) return true
    throw foreign(folder, 'it holds something else')
  }
  const marker = readMarker(folder)
  if (marker.format !== FORMAT) throw foreign(folder, `its ${MARKER} is not from ebb`)
  if (marker.version !== VERSION)
    throw foreign(
      folder,
      `it has version ${String(marker.version)} of the format, and this ebb reads version ${VERSION}`,
    )
  return false
}

function readMarker(folder: string): { format?: unknown; version?: unknown } {
  try {
    const marker: unknown = JSON.parse(readFileSync(join(folder, MARKER), 'utf8'))
    return typeof marker === 'object' && marker !== null ? marker : {}
  } catch {
    return {}
  }
}

function foreign(folder: string, why: string): StoreError {
  return new StoreError(
    'foreign',
    `${folder} is not a data folder of this ebb: ${why}. Nothing was changed; choose another folder`,
  )
}

function corrupt(folder: string, why: string): StoreError {
  return new StoreError(
    'corrupt',
    `the data in ${folder} is damaged: ${why}. Nothing was changed; restore a copy, or move the folder away to start anew`,
  )
}

function checkData(folder: string): void {
  const data = join(folder, DATA)
  if (!existsSync(data)) throw corrupt(folder, `${DATA} is missing`)
  const damage = lmdbDamage(data)
  if (damage) throw corrupt(folder, damage)
}

/** Plain LMDB commits, each with its fsync: with one writer and group commit nothing is gained by overlapping them. */
function openDatabase(folder: string): Lmdb.RootDatabase<Buffer, string> {
  try {
    return open<Buffer, string>({ path: folder, encoding: 'binary', overlappingSync: false, maxDbs: 1 })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw message.startsWith('MDB_') ? corrupt(folder, message) : error
  }
}

class LmdbJournal implements Journal {
  private readonly folder: string
  private readonly lock: FolderLock
  private readonly db: Lmdb.RootDatabase<Buffer, string>
  private failed = false

  constructor(folder: string, lock: FolderLock) {
    this.folder = folder
    this.lock = lock
    this.db = openDatabase(folder)
    for (const name of LMDB_FILES) keepPrivate(join(folder, name))
  }

  async load(): Promise<{ revision: number; records: JournalRecord[] }> {
    const records: JournalRecord[] = []
    const stored = this.db.get(REVISION_KEY)
    const revision = stored === undefined ? 0 : this.unpack(REVISION_KEY, stored).modRevision
    for (const { key, value } of this.db.getRange({ start: '/', end: '0' })) {
      const record = this.unpack(key, value)
      if (record.modRevision > revision) throw corrupt(this.folder, `${key} is newer than the whole`)
      records.push(record)
    }
    return { revision, records }
  }

  /** All of a batch is in one transaction of LMDB. A resolved write is committed, not yet durable: that is what `flushed` says. */
  async commit({ revision, records, grows }: JournalBatch): Promise<void> {
    const packed = records.map((record) => ({ key: record.key, bytes: record.value && pack(record.key, record) }))
    const size = packed.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0)
    this.checkDisk(size, grows)
    const { db } = this
    const mark = { value: new Uint8Array(0), createRevision: 0, modRevision: revision, version: 0 }
    try {
      await db.batch(() => {
        // Each write has a promise of its own, which rejects with the batch's: only that one is listened to.
        for (const { key, bytes } of packed) (bytes ? db.put(key, bytes) : db.remove(key)).catch(ignore)
        db.put(REVISION_KEY, pack(REVISION_KEY, mark)).catch(ignore)
      })
      await db.flushed
    } catch (error) {
      this.failed = true
      throw await commitCause(error)
    }
  }

  /** After a failed commit LMDB is left alone: its native side is not to be trusted then. */
  async close(): Promise<void> {
    if (!this.failed) await this.db.close()
    await this.lock.release()
  }

  hasRoom(): boolean {
    return bytesLeft(this.folder) >= DISK_RESERVE_BYTES
  }

  /** LMDB does not survive a full disk in good order, so it never gets to see one. */
  private checkDisk(bytes: number, grows: () => boolean = () => true): void {
    const left = bytesLeft(this.folder) - 2 * bytes
    if (left >= DISK_RESERVE_BYTES || (left >= DISK_FLOOR_BYTES && !grows())) return
    throw new StoreError(
      'no-space',
      `the disk of ${this.folder} is full: less than ${DISK_RESERVE_BYTES} bytes are left`,
    )
  }

  private unpack(key: string, bytes: Buffer): JournalRecord & { readonly value: Uint8Array } {
    if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== checksum(key, bytes))
      throw corrupt(this.folder, `the checksum of ${key} does not fit`)
    return {
      key,
      value: bytes.subarray(HEADER_BYTES),
      createRevision: bytes.readDoubleLE(8),
      modRevision: bytes.readDoubleLE(16),
      version: bytes.readDoubleLE(24),
    }
  }
}

/** What an ordinary user may still write on the disk of a folder. */
function bytesLeft(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

function ignore(): void {}

/** lmdb says why in a promise beside its error, which may reject at any time from now on, or never. */
async function commitCause(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> }
  if (!(commitError instanceof Promise)) return error
  const cause = commitError.catch((cause: unknown) => cause)
  return (await Promise.race([cause, nextTurn()])) ?? error
}

function pack(key: string, record: Omit<JournalRecord, 'key'>): Buffer {
  const value = record.value ?? new Uint8Array(0)
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + value.length)
  bytes.writeUInt32LE(0, 4)
  bytes.writeDoubleLE(record.createRevision, 8)
  bytes.writeDoubleLE(record.modRevision, 16)
  bytes.writeDoubleLE(record.version, 24)
  bytes.set(value, HEADER_BYTES)
  bytes.writeUInt32LE(checksum(key, bytes), 0)
  return bytes
}

/** Of the key and everything after the checksum. */
function checksum(key: string, bytes: Buffer): number {
  return crc32(bytes.subarray(4), crc32(key))
}
