import { describe, expect, it } from 'vitest'
import type { Service } from '../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../api/types/discovery-v1.gen.ts'
import { planAll } from './plan.ts'
import { service, slice } from './samples.ts'

const NODE = 'node-1'

/** `10.96.0.10:80/TCP -> a:1 b:2`, a line for each service port, as the table below expects. */
function summary(services: readonly Service[], slices: readonly EndpointSlice[]): readonly string[] {
  return [...planAll(services, slices, NODE).values()].map((port) => {
    const show = (route: typeof port.cluster) =>
      route.backends.length > 0
        ? route.backends.map((b) => `${b.ip}:${b.port}${b.local ? '*' : ''}`).join(' ')
        : route.none
    const external = port.nodePort ? ` | ${port.nodePort} -> ${show(port.external)}` : ''
    const sticky = port.affinitySeconds ? ` sticky ${port.affinitySeconds}s` : ''
    return `${port.key} ${port.clusterIPs.join(',')} -> ${show(port.cluster)}${sticky}${external}`
  })
}

const a = { ip: '10.244.0.5', node: NODE }
const b = { ip: '10.244.1.6', node: 'node-2' }
const leaving = { ready: false, serving: true, terminating: true }
const unready = { ready: false, serving: false }

const cases: readonly {
  readonly rule: string
  readonly name: string
  readonly service: Parameters<typeof service>[0]
  readonly endpoints: Parameters<typeof slice>[0]['endpoints']
  readonly plan: readonly string[]
}[] = [
  {
    rule: 'PP1',
    name: 'a headless Service is nobody of ours',
    service: { clusterIP: 'None' },
    endpoints: [a],
    plan: [],
  },
  { rule: 'PP1', name: 'so is an ExternalName', service: { type: 'ExternalName' }, endpoints: [a], plan: [] },
  {
    rule: 'PP1',
    name: "so is another proxy's",
    service: { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } },
    endpoints: [a],
    plan: [],
  },
  {
    rule: 'PP2',
    name: 'ready endpoints are used, unready ones not',
    service: {},
    endpoints: [a, { ...b, ...unready }],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.0.5:8080*'],
  },
  {
    rule: 'PP2',
    name: 'conditions left out mean ready',
    service: {},
    endpoints: [{ ip: '10.244.0.5' }],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.0.5:8080'],
  },
  {
    rule: 'PP3',
    name: 'a terminating endpoint is left out while another is ready',
    service: {},
    endpoints: [{ ...a, ...leaving }, b],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.1.6:8080'],
  },
  {
    rule: 'PP3',
    name: 'terminating ones that serve are used when there is no other',
    service: {},
    endpoints: [
      { ...a, ...leaving },
      { ...b, ...leaving, serving: false },
    ],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.0.5:8080*'],
  },
  {
    rule: 'PP3',
    name: 'serving alone is not enough',
    service: {},
    endpoints: [{ ...a, ready: false, serving: true }],
    plan: ['default/web:TCP:80 10.96.0.10 -> reject'],
  },
  {
    rule: 'PP3',
    name: 'publishNotReadyAddresses keeps a terminating endpoint ready, and so in use',
    service: { publishNotReadyAddresses: true },
    endpoints: [{ ...a, ready: true, serving: true, terminating: true }, b],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.0.5:8080* 10.244.1.6:8080'],
  },
  {
    rule: 'PP4',
    name: 'internalTrafficPolicy Local stays on the node',
    service: { internalTrafficPolicy: 'Local', nodePort: 30080 },
    endpoints: [a, b],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.0.5:8080* | 30080 -> 10.244.0.5:8080* 10.244.1.6:8080'],
  },
  {
    rule: 'PP4',
    name: 'and drops when the endpoints are all elsewhere',
    service: { internalTrafficPolicy: 'Local' },
    endpoints: [b],
    plan: ['default/web:TCP:80 10.96.0.10 -> drop'],
  },
  {
    rule: 'PP4',
    name: 'but rejects when there are none at all',
    service: { internalTrafficPolicy: 'Local' },
    endpoints: [],
    plan: ['default/web:TCP:80 10.96.0.10 -> reject'],
  },
  {
    rule: 'PP4',
    name: 'terminating fallback looks at this node alone under policy Local',
    service: { externalTrafficPolicy: 'Local', nodePort: 30080 },
    endpoints: [{ ...a, ...leaving }, b],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.1.6:8080 | 30080 -> 10.244.0.5:8080*'],
  },
  {
    rule: 'PP5',
    name: 'affinity without a timeout lasts three hours',
    service: { sessionAffinity: 'ClientIP' },
    endpoints: [a],
    plan: ['default/web:TCP:80 10.96.0.10 -> 10.244.0.5:8080* sticky 10800s'],
  },
  {
    rule: 'PP6',
    name: 'named ports find theirs, of their protocol',
    service: {
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53 },
        { name: 'other', port: 99 },
      ],
    },
    endpoints: [a],
    plan: [
      'default/web:TCP:53 10.96.0.10 -> 10.244.0.5:5353*',
      'default/web:TCP:99 10.96.0.10 -> reject',
      'default/web:UDP:53 10.96.0.10 -> 10.244.0.5:5300*',
    ],
  },
]

describe('plan', () => {
  for (const row of cases)
    it(`[${row.rule}] ${row.name}`, () => {
      const ports = row.service.ports
        ? [
            { name: 'dns', protocol: 'UDP', port: 5300 },
            { name: 'dns-tcp', protocol: 'TCP', port: 5353 },
          ]
        : undefined
      const slices = [slice({ endpoints: row.endpoints, ...(ports ? { ports } : {}) })]
      expect(summary([service(row.service)], slices)).toEqual(row.plan)
    })

  it('[PP2] an endpoint in two slices counts once, the ready entry wins', () => {
    const slices = [
      slice({ name: 'web-1', endpoints: [{ ...a, ...unready }] }),
      slice({ name: 'web-2', endpoints: [a, b] }),
    ]
    expect(summary([service({})], slices)).toEqual([
      'default/web:TCP:80 10.96.0.10 -> 10.244.0.5:8080* 10.244.1.6:8080',
    ])
  })

  it('[PP2] slices of other address families and of no Service are not looked at', () => {
    const slices = [
      slice({ endpoints: [{ ip: 'fd00::1' }], addressType: 'IPv6' }),
      { ...slice({ endpoints: [a] }), metadata: { name: 'x', namespace: 'default' } },
    ]
    expect(summary([service({})], slices)).toEqual(['default/web:TCP:80 10.96.0.10 -> reject'])
  })
})
