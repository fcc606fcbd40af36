import { expect, it } from 'vitest'
import type { EndpointSubset, Endpoints } from '../../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import { planMirror } from './plan.ts'

const endpoints = (subsets: readonly EndpointSubset[], annotations = {}): Endpoints => ({
  metadata: { name: 'db', namespace: 'default', uid: 'u', labels: { app: 'db' }, annotations },
  subsets,
})
const stored = (slices: readonly EndpointSlice[]) =>
  slices.map((slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `db-${i}` } }))
const port = (number: number) => ({ port: number, protocol: 'TCP' })
const ips = (count: number) => Array.from({ length: count }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }))
const nothing = { create: [], update: [], delete: [], skipped: 0 }

it('mirrors each subset, and nothing twice', () => {
  const object = endpoints(
    [
      {
        addresses: [{ ip: '10.0.0.1', nodeName: 'n', hostname: 'h' }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports: [port(1)],
      },
      { addresses: [{ ip: 'fd00::1' }, { ip: '10.0.0.3' }], ports: [{ ...port(2), name: 'b' }] },
    ],
    { mine: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  )
  const plan = planMirror(object, [])
  expect(plan.create).toMatchObject([
    {
      metadata: {
        generateName: 'db-',
        labels: {
          app: 'db',
          'kubernetes.io/service-name': 'db',
          'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
        },
        annotations: { mine: 'x' },
        ownerReferences: [{ kind: 'Endpoints', name: 'db', uid: 'u', controller: true }],
      },
      addressType: 'IPv4',
      ports: [{ name: '', port: 1, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true }, nodeName: 'n', hostname: 'h' },
        { addresses: ['10.0.0.2'], conditions: { ready: false } },
      ],
    },
    { addressType: 'IPv6', ports: [{ name: 'b', port: 2 }], endpoints: [{ addresses: ['fd00::1'] }] },
    { addressType: 'IPv4', ports: [{ name: 'b', port: 2 }], endpoints: [{ addresses: ['10.0.0.3'] }] },
  ])
  expect(planMirror(object, stored(plan.create))).toEqual(nothing)
})

it('uses a slice again for other ports, and deletes the rest', () => {
  const before = stored(planMirror(endpoints([{ addresses: ips(1), ports: [port(1)] }]), []).create)
  const plan = planMirror(endpoints([{ addresses: ips(1), ports: [port(2)] }]), before)
  expect(plan).toMatchObject({ create: [], delete: [], update: [{ metadata: { name: 'db-0' }, ports: [{ port: 2 }] }] })
  expect(planMirror(endpoints([]), before)).toEqual({ ...nothing, delete: before })
})

it('mirrors a thousand addresses of a subset', () => {
  const { create, skipped } = planMirror(endpoints([{ addresses: ips(1002), ports: [port(1)] }]), [])
  expect(create.map((slice) => slice.endpoints?.length)).toEqual([1000])
  expect(skipped).toBe(2)
})
