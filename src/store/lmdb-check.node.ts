/**
 * Reads the structure of an LMDB file before LMDB does. LMDB maps the file and trusts what it finds: a truncated or
 * overwritten file ends the process with a signal. So the two meta pages, all branch and leaf pages of the free list and of
 * the main tree, and the bounds of all nodes are looked at first; what values contain is covered by their own checksums.
 * Layout: mdb.c of lmdb-js, data version 2 (page header 24 bytes with the page's number and transaction, 64-bit pages).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const HEADER_BYTES = 24
const NODE_BYTES = 8
const FLAG_BRANCH = 0x01
const FLAG_LEAF = 0x02
const FLAG_META = 0x08
const NODE_BIGDATA = 0x01
/** A tree of this many levels holds more than any disk. */
const DEPTH_MAX = 32

interface Tree {
  readonly depth: number
  readonly entries: number
  /** Page number, or undefined for an empty tree. */
  readonly root: number | undefined
}

interface Meta {
  readonly pageSize: number
  readonly free: Tree
  readonly main: Tree
  readonly lastPage: number
  readonly transaction: number
}

/** What is wrong with the file, or undefined when it can be opened. Does not write. */
export function lmdbDamage(path: string): string | undefined {
  const file = openSync(path, 'r')
  try {
    new Checker(file).check()
    return undefined
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  } finally {
    closeSync(file)
  }
}

class Damage extends Error {}

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Damage(what)
}

class Checker {
  private readonly file: number
  private readonly size: number
  private meta: Meta | undefined

  constructor(file: number) {
    this.file = file
    this.size = fstatSync(file).size
  }

  check(): void {
    must(this.size >= 2 * 512, 'the file is too short')
    const first = this.readMeta(0)
    const second = this.readMeta(first.pageSize)
    must(second.pageSize === first.pageSize, 'the two meta pages differ in page size')
    this.meta = second.transaction > first.transaction ? second : first
    this.walkTree(this.meta.free, 'free list')
    this.walkTree(this.meta.main, 'main tree')
  }

  private read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    must(readSync(this.file, bytes, 0, length, offset) === length, `the file ends before byte ${offset + length}`)
    return bytes
  }

  private readMeta(offset: number): Meta {
    const page = this.read(offset, HEADER_BYTES + 136)
    must((page.readUInt16LE(18) & FLAG_META) !== 0, 'a meta page is not one')
    const at = HEADER_BYTES
    must(page.readUInt32LE(at) === MAGIC, 'a meta page lacks the magic number')
    must((page.readUInt32LE(at + 4) & 0xffff) === DATA_VERSION, 'the file has another version of the format')
    const pageSize = page.readUInt32LE(at + 24)
    must(pageSize >= 512 && pageSize <= 65_536 && (pageSize & (pageSize - 1)) === 0, 'a meta page has no page size')
    return {
      pageSize,
      free: readTree(page, at + 24),
      main: readTree(page, at + 24 + 48),
      lastPage: readNumber(page, at + 120),
      transaction: readNumber(page, at + 128),
    }
  }

  private walkTree({ root, depth, entries }: Tree, name: string): void {
    if (root === undefined) {
      must(entries === 0 && depth === 0, `the ${name} has no root`)
      return
    }
    must(depth >= 1 && depth <= DEPTH_MAX, `the ${name} has an impossible depth`)
    const found = this.walkPage(root, depth, name)
    must(found === entries, `the ${name} holds ${found} entries instead of ${entries}`)
  }

  /** Number of entries below the page, which is `level` levels above nothing: 1 is a leaf. */
  private walkPage(number: number, level: number, name: string): number {
    const { pageSize, lastPage, transaction } = this.meta as Meta
    const where = `page ${number} of the ${name}`
    must(number >= 2 && number <= lastPage, `${where} is out of range`)
    const page = this.read(number * pageSize, pageSize)
    must(readNumber(page, 0) === number, `${where} says that it is another one`)
    must(readNumber(page, 8) <= transaction, `${where} is younger than the file`)
    const flag = level === 1 ? FLAG_LEAF : FLAG_BRANCH
    must((page.readUInt16LE(18) & 0xff) === flag, `${where} is of another kind`)
    const lower = page.readUInt16LE(20)
    const upper = page.readUInt16LE(22)
    must(lower % 2 === 0 && lower <= upper && upper <= pageSize - HEADER_BYTES, `${where} has impossible bounds`)
    const nodes = lower / 2
    must(nodes >= (level === 1 ? 1 : 2), `${where} has too few nodes`)
    return level === 1 ? this.checkLeaf(page, nodes, where) : this.walkBranch(page, level, name)
  }

  private walkBranch(page: Buffer, level: number, name: string): number {
    let entries = 0
    for (let i = 0; i < page.readUInt16LE(20) / 2; i++) {
      const at = nodeAt(page, i)
      const child = page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 2 ** 32
      entries += this.walkPage(child, level - 1, name)
    }
    return entries
  }

  private checkLeaf(page: Buffer, nodes: number, where: string): number {
    const { pageSize, lastPage } = this.meta as Meta
    let previous: Buffer | undefined
    for (let i = 0; i < nodes; i++) {
      const at = nodeAt(page, i)
      const key = page.subarray(at + NODE_BYTES, at + NODE_BYTES + page.readUInt16LE(at + 6))
      const big = (page.readUInt16LE(at + 4) & NODE_BIGDATA) !== 0
      const data = at + NODE_BYTES + key.length
      const size = page.readUInt32LE(at)
      must(data + (big ? 24 : size) <= pageSize, `a value on ${where} is out of bounds`)
      if (big) {
        const pages = Math.ceil((HEADER_BYTES + size) / pageSize)
        const start = readNumber(page, data)
        must(start >= 2 && start + pages - 1 <= lastPage, `a value on ${where} lies out of range`)
        must((start + pages) * pageSize <= this.size, 'the file is cut off')
      }
      // The free list is ordered by number, not by bytes: an order is only asked of distinctness there.
      must(previous === undefined || !previous.equals(key), `${where} holds a key twice`)
      previous = key
    }
    return nodes
  }
}

function nodeAt(page: Buffer, index: number): number {
  const at = page.readUInt16LE(HEADER_BYTES + 2 * index) + HEADER_BYTES
  must(at + NODE_BYTES + page.readUInt16LE(Math.min(at + 6, page.length - 2)) <= page.length, 'a node is out of bounds')
  return at
}

function readTree(page: Buffer, at: number): Tree {
  const root = page.readBigUInt64LE(at + 40)
  return {
    depth: page.readUInt16LE(at + 6),
    entries: readNumber(page, at + 32),
    root: root === 2n ** 64n - 1n ? undefined : Number(root),
  }
}

function readNumber(page: Buffer, at: number): number {
  return Number(page.readBigUInt64LE(at))
}
