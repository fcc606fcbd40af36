import { expect, it } from 'vitest'
import { Encoded } from './encoded.ts'
import { bookmarkObject, jsonFrame, watchFrame } from './frame.ts'
import { Chunks, listPieces, typedListPieces } from './list.ts'

const text = (pieces: Iterable<Uint8Array>) => Buffer.concat([...pieces]).toString()
const head = {
  kind: 'PodList',
  apiVersion: 'v1',
  metadata: { resourceVersion: '7', continue: 'abc', remainingItemCount: 3 },
}
const pod = (name: string) => new Encoded({ kind: 'Pod', apiVersion: 'v1', metadata: { name } }, 7)
const type = { kind: 'Pod', apiVersion: 'v1' }

it('writes a list in the order of keys that Kubernetes has', () => {
  expect(text(typedListPieces(head, type, [pod('a'), pod('b')]))).toBe(
    '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"abc","remainingItemCount":3},' +
      '"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}\n',
  )
})

it('keeps the type of items where asked to', () => {
  expect(text(listPieces({ ...head, metadata: { resourceVersion: '7' } }, [pod('a').bytes, pod('b').bytes]))).toBe(
    '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":' +
      '[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}},{"kind":"Pod","apiVersion":"v1","metadata":{"name":"b"}}]}\n',
  )
})

it('writes an empty list', () => {
  expect(JSON.parse(text(typedListPieces(head, type, []))).items).toEqual([])
})

it('brings an object with another order of keys into line', () => {
  const odd = new Encoded({ metadata: { name: 'x' }, apiVersion: 'v1', kind: 'Pod' }, 7)
  expect(JSON.parse(text(typedListPieces(head, type, [pod('a'), odd]))).items).toEqual([
    { metadata: { name: 'a' } },
    { metadata: { name: 'x' } },
  ])
})

it('gathers large lists into chunks, each when it is asked for', () => {
  const big = Array.from({ length: 300 }, (_, i) => pod(`${i}-${'x'.repeat(10_000)}`))
  let taken = 0
  const pieces = function* () {
    for (const piece of typedListPieces(head, type, big)) {
      taken++
      yield piece
    }
  }
  const chunks = new Chunks(pieces(), 100_000)
  const all = [chunks.next()]
  expect(taken).toBeLessThan(30)
  while (!chunks.done) all.push(chunks.next())
  expect(all.length).toBeGreaterThan(30)
  expect(Math.max(...all.map((chunk) => chunk.length))).toBeLessThanOrEqual(100_000)
  expect(JSON.parse(text(all)).items).toHaveLength(300)
})

it('puts a chunk where the one before lay, once that has been taken, and not before', () => {
  const small = Array.from({ length: 60 }, (_, i) => pod(`${i}-${'x'.repeat(500)}`))
  const chunks = new Chunks(typedListPieces(head, type, small), 5_000)
  const memory = new Set<ArrayBufferLike>()
  let whole = ''
  while (!chunks.done) {
    const chunk = chunks.next()
    memory.add(chunk.buffer)
    whole += text([chunk])
    chunks.taken()
  }
  expect(memory.size).toBe(1)
  expect(whole).toBe(text(typedListPieces(head, type, small)))
  const untaken = new Chunks(typedListPieces(head, type, small), 5_000)
  const all: Uint8Array[] = []
  while (!untaken.done) all.push(untaken.next())
  expect(new Set(all.map((chunk) => chunk.buffer)).size).toBe(all.length)
  expect(text(all)).toBe(whole)
  const odd = new Chunks([new Uint8Array(0), new Uint8Array(1000), new Uint8Array(2)], 100)
  expect([odd.next().length, odd.next().length]).toEqual([1000, 2])
})

it('gives a piece that is a chunk by itself out as it is', () => {
  const large = new Uint8Array(1000)
  const chunks = new Chunks([new Uint8Array(1), large, new Uint8Array(2)], 100)
  expect([chunks.next().length, chunks.next(), chunks.next().length]).toEqual([1, large, 2])
  expect(chunks.done).toBe(true)
})

it('frames an object and shares the frame', () => {
  const item = pod('a')
  const frame = jsonFrame('MODIFIED', item)
  expect(text([frame])).toBe('{"type":"MODIFIED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}}\n')
  expect(jsonFrame('MODIFIED', item)).toBe(frame)
  expect(item.bytes.buffer).toBe(frame.buffer)
  expect(text([jsonFrame('ADDED', item)])).toBe(text([frame]).replace('MODIFIED', 'ADDED'))
  expect(text([item.bytes])).toBe('{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}')
  expect(text([watchFrame('BOOKMARK', bookmarkObject(type, 9, 'initial-events-end').bytes)])).toBe(
    '{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"9",' +
      '"annotations":{"k8s.io/initial-events-end":"true"}}}}\n',
  )
})
