import { expect, it } from 'vitest'
import { Encoded } from './encoded.ts'
import { bookmarkObject, jsonFrame, watchFrame } from './frame.ts'
import { listChunks, typedListChunks } from './list.ts'

const text = (chunks: readonly Uint8Array[]) => Buffer.concat(chunks).toString()
const head = {
  kind: 'PodList',
  apiVersion: 'v1',
  metadata: { resourceVersion: '7', continue: 'abc', remainingItemCount: 3 },
}
const pod = (name: string) => new Encoded({ kind: 'Pod', apiVersion: 'v1', metadata: { name } }, 7)
const type = { kind: 'Pod', apiVersion: 'v1' }

it('writes a list in the order of keys that Kubernetes has', () => {
  expect(text(typedListChunks(head, type, [pod('a'), pod('b')]))).toBe(
    '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"abc","remainingItemCount":3},' +
      '"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}\n',
  )
})

it('keeps the type of items where asked to', () => {
  expect(text(listChunks({ ...head, metadata: { resourceVersion: '7' } }, [pod('a').bytes, pod('b').bytes]))).toBe(
    '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":' +
      '[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}},{"kind":"Pod","apiVersion":"v1","metadata":{"name":"b"}}]}\n',
  )
})

it('writes an empty list', () => {
  expect(JSON.parse(text(typedListChunks(head, type, []))).items).toEqual([])
})

it('brings an object with another order of keys into line', () => {
  const odd = new Encoded({ metadata: { name: 'x' }, apiVersion: 'v1', kind: 'Pod' }, 7)
  expect(JSON.parse(text(typedListChunks(head, type, [pod('a'), odd]))).items).toEqual([
    { metadata: { name: 'a' } },
    { metadata: { name: 'x' } },
  ])
})

it('cuts large lists into chunks whose sum is the same', () => {
  const big = Array.from({ length: 300 }, (_, i) => pod(`${i}-${'x'.repeat(10_000)}`))
  const chunks = typedListChunks(head, type, big)
  expect(chunks.length).toBeGreaterThan(2)
  expect(JSON.parse(text(chunks)).items).toHaveLength(300)
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
