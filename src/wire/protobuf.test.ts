import { describe, expect, it } from 'vitest'
import { definition } from '../api/schema.ts'
import { decodeProtobuf, ProtobufError } from './protobuf.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

const int = (number: number, value: number | bigint) => [...new ProtobufWriter().integer(number, value).done()]
const bytes = (number: number, value: readonly number[]) => [
  ...new ProtobufWriter().bytes(number, Uint8Array.from(value)).done(),
]
const text = (number: number, value: string) => [...new ProtobufWriter().text(number, value).done()]
const body = (apiVersion: string, kind: string, raw: readonly number[]) =>
  Uint8Array.from([
    0x6b,
    0x38,
    0x73,
    0,
    ...bytes(1, [...text(1, apiVersion), ...text(2, kind)]),
    ...bytes(2, raw),
    ...text(3, ''),
  ])

const decode = (data: Uint8Array, kind = 'ConfigMap') => decodeProtobuf(data, definition(`io.k8s.api.core.v1.${kind}`))

describe('bodies in protobuf', () => {
  it('a ConfigMap: strings, maps, bytes as base64; what was not set is absent', () => {
    const meta = [
      ...text(1, 'a'),
      ...text(2, ''),
      ...text(3, 'default'),
      ...bytes(8, []),
      ...int(7, 0),
      ...bytes(11, [...text(1, 'k'), ...text(2, 'v')]),
    ]
    const raw = [
      ...bytes(1, meta),
      ...bytes(2, [...text(1, 'x'), ...text(2, 'y')]),
      ...bytes(3, [...text(1, 'b'), ...bytes(2, [1, 2, 255])]),
    ]
    expect(decode(body('v1', 'ConfigMap', raw))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'default', labels: { k: 'v' } },
      data: { x: 'y' },
      binaryData: { b: 'AQL/' },
    })
  })

  it('a Pod: embedded structs, lists, quantities, int-or-string, pointers that are zero', () => {
    const port = [...bytes(2, [...int(1, 1), ...int(2, 0), ...text(3, 'http')]), ...text(1, '/healthz')]
    const probe = [...bytes(1, bytes(2, port)), ...int(2, 5)]
    const limits = bytes(1, [...text(1, 'cpu'), ...bytes(2, text(1, '500m'))])
    const container = [...text(1, 'app'), ...text(3, 'sh'), ...text(3, '-c'), ...bytes(8, limits), ...bytes(10, probe)]
    const volume = [...text(1, 'data'), ...bytes(2, bytes(2, text(1, 'Memory')))]
    const spec = [...bytes(1, volume), ...bytes(2, container), ...int(4, 0)]
    expect(decode(body('v1', 'Pod', bytes(2, spec)), 'Pod').spec).toEqual({
      volumes: [{ name: 'data', emptyDir: { medium: 'Memory' } }],
      containers: [
        {
          name: 'app',
          command: ['sh', '-c'],
          resources: { limits: { cpu: '500m' } },
          livenessProbe: { httpGet: { path: '/healthz', port: 'http' }, initialDelaySeconds: 5 },
        },
      ],
      terminationGracePeriodSeconds: 0,
    })
  })

  it('negative numbers, times, and fields of a later version, which are passed over', () => {
    const meta = [
      ...text(1, 'p'),
      ...bytes(9, [...int(1, 1_700_000_000), ...int(2, 0)]),
      ...int(10, -1n),
      ...text(99, 'new'),
    ]
    expect(decode(body('v1', 'Namespace', bytes(1, meta)), 'Namespace').metadata).toEqual({
      name: 'p',
      deletionTimestamp: '2023-11-14T22:13:20Z',
      deletionGracePeriodSeconds: -1,
    })
  })

  it('numbers of a list, packed or not', () => {
    const groups = (list: number[]) => body('v1', 'Pod', bytes(2, bytes(14, list)))
    const expected = { securityContext: { supplementalGroups: [7, 8] } }
    expect(decode(groups([...int(4, 7), ...int(4, 8)]), 'Pod').spec).toEqual(expected)
    expect(decode(groups(bytes(4, [7, 8])), 'Pod').spec).toEqual(expected)
  })

  it('keys of maps are only ever keys', () => {
    const labels = ['__proto__', 'constructor'].flatMap((key) => bytes(11, [...text(1, key), ...text(2, 'v')]))
    const { metadata } = decode(body('v1', 'ConfigMap', bytes(1, labels)))
    expect(Object.entries((metadata as { labels: object }).labels)).toEqual([
      ['__proto__', 'v'],
      ['constructor', 'v'],
    ])
  })

  it('of another kind than is expected only the name is read', () => {
    const said = { apiVersion: 'v1', kind: 'Secret' }
    expect(decode(body('v1', 'Secret', text(1, 'no metadata')))).toEqual(said)
    expect(decode(body('v2', 'ConfigMap', bytes(1, text(1, 'a'))))).toEqual({ apiVersion: 'v2', kind: 'ConfigMap' })
    expect(decode(body('', '', bytes(1, text(1, 'a'))))).toEqual({ metadata: { name: 'a' } })
  })

  it.each([
    ['no magic', Uint8Array.from([1, 2, 3, 4])],
    ['a number where a message belongs', body('v1', 'ConfigMap', int(1, 7))],
    ['a field of a later version that ends early', body('v1', 'ConfigMap', [0x99, 0x06, 1])],
    ['a length past the end', body('v1', 'ConfigMap', [0x0a, 0x7f])],
    ['a number without end', body('v1', 'ConfigMap', [0xff])],
  ])('refuses %s', (_, data) => {
    expect(() => decode(data)).toThrow(ProtobufError)
  })
})
