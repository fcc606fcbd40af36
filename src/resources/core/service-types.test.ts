import { describe, expect, it } from 'vitest'
import type { Draft } from '../../api/object.ts'
import type { ServiceSpec } from '../../api/types/core-v1.gen.ts'
import { carryOver } from './service-types.ts'

const clusterIP: ServiceSpec = {
  type: 'ClusterIP',
  clusterIP: '10.96.1.1',
  clusterIPs: ['10.96.1.1'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
  internalTrafficPolicy: 'Cluster',
  ports: [{ port: 80, protocol: 'TCP' }],
}
const nodePort: ServiceSpec = {
  ...clusterIP,
  type: 'NodePort',
  externalTrafficPolicy: 'Cluster',
  ports: [{ port: 80, protocol: 'TCP', nodePort: 30_080 }],
}

const cases: readonly [
  string,
  { old: ServiceSpec; sent: ServiceSpec; expected: Partial<Record<keyof ServiceSpec, unknown>> },
][] = [
  [
    'a client that sends no address keeps it',
    { old: clusterIP, sent: { type: 'ClusterIP' }, expected: { clusterIP: '10.96.1.1', clusterIPs: ['10.96.1.1'] } },
  ],
  [
    'a client that changes clusterIP alone means clusterIPs too',
    { old: clusterIP, sent: { ...clusterIP, clusterIP: '10.96.2.2' }, expected: { clusterIPs: ['10.96.2.2'] } },
  ],
  [
    'node ports are found again by protocol and port',
    {
      old: nodePort,
      sent: {
        ...nodePort,
        ports: [
          { port: 90, protocol: 'TCP' },
          { port: 80, protocol: 'TCP' },
        ],
      },
      expected: {
        ports: [
          { port: 90, protocol: 'TCP' },
          { port: 80, protocol: 'TCP', nodePort: 30_080 },
        ],
      },
    },
  ],
  [
    'node ports go with the type',
    {
      old: nodePort,
      sent: { ...nodePort, type: 'ClusterIP' },
      expected: { ports: [{ port: 80, protocol: 'TCP' }], externalTrafficPolicy: undefined, clusterIP: '10.96.1.1' },
    },
  ],
  [
    'a node port that the client names itself stays, to be refused',
    {
      old: nodePort,
      sent: { ...nodePort, type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP', nodePort: 31_000 }] },
      expected: { ports: [{ port: 80, protocol: 'TCP', nodePort: 31_000 }] },
    },
  ],
  [
    'addresses go when the service becomes a name',
    {
      old: clusterIP,
      sent: { ...clusterIP, type: 'ExternalName', externalName: 'a.example' },
      expected: {
        clusterIP: undefined,
        clusterIPs: undefined,
        ipFamilies: undefined,
        internalTrafficPolicy: undefined,
      },
    },
  ],
]

describe('carryOver', () => {
  it.each(cases)('%s', (_name, { old, sent, expected }) => {
    const draft = structuredClone(sent) as Draft<ServiceSpec>
    carryOver(draft, Object.freeze(old))
    for (const [key, value] of Object.entries(expected)) expect(draft[key as keyof ServiceSpec]).toEqual(value)
  })
})
