import { describe, expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import type { ApiError } from '../api/status.ts'
import { Encoded, encodes } from './encoded.ts'
import { negotiate } from './negotiate.ts'
import { includeObjectOf, metadataList, metadataOf, TableRenderer } from './representation.ts'

const item = (name: string) =>
  new Encoded<KubernetesObject>({ kind: 'Pod', apiVersion: 'v1', metadata: { name, resourceVersion: '7' } }, 7)
const parse = (pieces: Iterable<Uint8Array>) => JSON.parse(Buffer.concat([...pieces]).toString())
const source = {
  columns: [{ name: 'Name', type: 'string', format: 'name', description: 'd', priority: 0 }],
  row: (object: KubernetesObject) => [object.metadata.name ?? ''],
}
const table = (includeObject: 'None' | 'Metadata' | 'Object') =>
  new TableRenderer(source, { version: 'v1', includeObject, now: 0 })

describe('negotiation', () => {
  const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  it.each([
    [undefined, { format: 'json', version: 'v1' }],
    ['text/html, */*', { format: 'json', version: 'v1' }],
    [`${TABLE},application/json`, { format: 'json', version: 'v1', as: 'Table' }],
    ['application/json;as=Table;v=v9;g=meta.k8s.io,application/json', { format: 'json', version: 'v1' }],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io', { format: 'json', version: 'v1beta1', as: 'Table' }],
    ['application/json;stream=watch', { format: 'json', version: 'v1' }],
    ['application/json;q=0.5,application/yaml', { format: 'yaml', version: 'v1' }],
    ['application/vnd.kubernetes.protobuf,application/json', { format: 'json', version: 'v1' }],
  ])('%s', (accept, expected) => {
    expect(negotiate(accept)).toEqual(expected)
  })

  it.each([
    ['text/html', /^406: Not Acceptable/],
    ['application/vnd.kubernetes.protobuf', /^406: Not Acceptable/],
    ['application/json;as=Table;v=v9;g=meta.k8s.io', /^only the following media types/],
    ['application/json;as=Bogus;v=v1;g=meta.k8s.io', /^only the following media types/],
  ])('%s is 406', (accept, message) => {
    expect(() => negotiate(accept)).toThrow(message)
    try {
      negotiate(accept)
    } catch (error) {
      expect((error as ApiError).code).toBe(406)
    }
  })
})

describe('representations', () => {
  it('makes the metadata form of an object once', () => {
    const one = item('a')
    const before = encodes()
    for (let i = 0; i < 3; i++) {
      parse(metadataList({ resourceVersion: '9' }, [one], 'v1').pieces())
      parse(table('Metadata').list({ resourceVersion: '9' }, [one]).pieces())
    }
    expect(encodes() - before).toBe(1)
    expect(metadataOf(one, 'v1')).toBe(metadataOf(one, 'v1'))
  })

  it('writes lists of metadata', () => {
    expect(parse(metadataList({ resourceVersion: '9' }, [item('a')], 'v1').pieces())).toEqual({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '9' },
      items: [
        { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'a', resourceVersion: '7' } },
      ],
    })
    expect(parse(metadataList({ resourceVersion: '9' }, [], 'v1').pieces()).items).toBe(null)
  })

  it.each(['None', 'Metadata', 'Object'] as const)('writes the same Table as bytes and as an object: %s', (include) => {
    const list = table(include).list({ resourceVersion: '9', continue: 'c' }, [item('a'), item('b')])
    expect(parse(list.pieces())).toEqual(JSON.parse(JSON.stringify(list.object())))
    const single = table(include).single(item('a'), { columns: false })
    const parsed = JSON.parse(Buffer.from(single.bytes()).toString())
    expect(parsed).toEqual(JSON.parse(JSON.stringify(single.object())))
    expect(parsed.columnDefinitions).toBe(null)
    expect(parsed.metadata).toEqual({ resourceVersion: '7' })
    const kinds = { None: undefined, Metadata: 'PartialObjectMetadata', Object: 'Pod' }
    expect(parsed.rows[0].object?.kind).toBe(kinds[include])
  })

  it('reads includeObject', () => {
    expect(includeObjectOf(null)).toBe('Metadata')
    expect(() => includeObjectOf('Bogus')).toThrow(`includeObject: Invalid value: "Bogus": must be`)
  })
})
