import { describe, expect, it } from 'vitest'
import type { Endpoints, Pod, Service } from '../../api/types/core-v1.gen.ts'
import type { EndpointSlice } from '../../api/types/discovery-v1.gen.ts'
import { planEndpoints } from '../endpoints/plan.ts'
import { planSlices, type Surroundings } from './plan.ts'

const trigger = '2026-01-01T00:00:05Z'
const known = {
  nodeOf: (name: string) => ({ metadata: { name, labels: { 'topology.kubernetes.io/zone': 'z1' } } }),
  trigger,
}
const slicesFor = (
  of: Service,
  selected: readonly Pod[],
  there: readonly EndpointSlice[],
  around: Surroundings = known,
) => planSlices(of, selected, there, around)
const endpointsFor = (of: Service, selected: readonly Pod[], there: Endpoints | undefined) =>
  planEndpoints(of, selected, there, trigger)

const service = (spec: Partial<Service['spec']> = {}, labels: Record<string, string> = {}): Service => ({
  metadata: { name: 's', namespace: 'ns', uid: 'service', creationTimestamp: '2026-01-01T00:00:00Z', labels },
  spec: { selector: { app: 'x' }, clusterIP: '10.96.0.9', ports: [{ port: 80, targetPort: 8080 }], ...spec },
})

interface Sketch {
  readonly ready?: boolean
  readonly ending?: boolean
  readonly phase?: string
  readonly spec?: Partial<Pod['spec']>
}

function pod(number: number, { ready = true, ending, phase = 'Running', spec }: Sketch = {}): Pod {
  return {
    metadata: {
      name: `p${number}`,
      namespace: 'ns',
      uid: `u${number}`,
      ...(ending ? { deletionTimestamp: '2026-01-01T00:00:09Z' } : {}),
    },
    spec: {
      nodeName: 'n',
      containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 9000 + number }] }],
      ...spec,
    },
    status: {
      phase,
      podIP: `10.1.0.${number}`,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:05Z' }],
    },
  }
}
const pods = (count: number) => Array.from({ length: count }, (_, i) => pod(i + 1))
let uid = 0
/** What the server would hold after the plan. */
function carryOut(existing: readonly EndpointSlice[], plan: ReturnType<typeof slicesFor>): EndpointSlice[] {
  const kept = existing.filter((slice) => !plan.delete.includes(slice))
  const updated = kept.map((slice) => plan.update.find(({ metadata }) => metadata.uid === slice.metadata.uid) ?? slice)
  const created = plan.create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, uid: `slice-${++uid}` } }))
  return [...updated, ...created]
}
const addresses = (slices: readonly EndpointSlice[]) =>
  slices.map(({ endpoints = [] }) => endpoints.flatMap((endpoint) => endpoint.addresses))

it('describes a slice as Kubernetes does', () => {
  const { create } = slicesFor(service({}, { team: 'a', 'service.kubernetes.io/headless': 'x' }), [pod(1)], [])
  expect(create).toEqual([
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        generateName: 's-',
        namespace: 'ns',
        labels: {
          team: 'a',
          'kubernetes.io/service-name': 's',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:05Z' },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Service', name: 's', uid: 'service', controller: true, blockOwnerDeletion: true },
        ],
      },
      addressType: 'IPv4',
      ports: [{ name: '', protocol: 'TCP', port: 8080 }],
      endpoints: [
        {
          addresses: ['10.1.0.1'],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: 'n',
          zone: 'z1',
          targetRef: { kind: 'Pod', namespace: 'ns', name: 'p1', uid: 'u1' },
        },
      ],
    },
  ])
})

describe('conditions', () => {
  it.each([
    ['ready', {}, {}, { ready: true, serving: true, terminating: false }],
    ['not ready', { ready: false }, {}, { ready: false, serving: false, terminating: false }],
    ['ending', { ending: true }, {}, { ready: false, serving: true, terminating: true }],
    ['ending, not ready', { ending: true, ready: false }, {}, { ready: false, serving: false, terminating: true }],
    [
      'published not ready',
      { ready: false },
      { publishNotReadyAddresses: true },
      { ready: true, serving: false, terminating: false },
    ],
    [
      'published ending',
      { ending: true },
      { publishNotReadyAddresses: true },
      { ready: true, serving: true, terminating: true },
    ],
  ] as const)('%s', (_, sketch, spec, conditions) => {
    const { create } = slicesFor(service(spec), [pod(1, sketch)], [])
    expect(create[0]?.endpoints?.[0]?.conditions).toEqual(conditions)
  })
  it('leaves out pods of nodes that are not there, unless all are published', () => {
    const around = { nodeOf: () => undefined }
    const count = (of: Service) => slicesFor(of, [pod(1)], [], around).create[0]?.endpoints?.length
    expect(count(service())).toBe(0)
    expect(count(service({ publishNotReadyAddresses: true }))).toBe(1)
    expect(slicesFor(service(), [pod(1, { spec: { nodeName: '' } })], [], around).create[0]?.endpoints).toHaveLength(1)
  })
  it('leaves out pods that are over or have no address', () => {
    const none = { ...pod(3), status: { phase: 'Pending' } }
    const { create } = slicesFor(service(), [pod(1, { phase: 'Succeeded' }), pod(2, { phase: 'Failed' }), none], [])
    expect(create.map(({ endpoints, ports }) => ({ endpoints, ports }))).toEqual([{ endpoints: [], ports: [] }])
  })
})

it('resolves named ports for each pod, sidecars included, and groups by what comes out', () => {
  const named = service({ ports: [{ name: 'http', port: 80, targetPort: 'web' }] })
  const { create } = slicesFor(named, [pod(1), pod(2)], [])
  expect(create.map(({ ports }) => ports)).toEqual([
    [{ name: 'http', protocol: 'TCP', port: 9001 }],
    [{ name: 'http', protocol: 'TCP', port: 9002 }],
  ])
  const sidecar = { name: 's', restartPolicy: 'Always', ports: [{ name: 'web', containerPort: 7 }] }
  const inSidecar = pod(3, { spec: { containers: [{ name: 'c' }], initContainers: [sidecar] } })
  expect(slicesFor(named, [inSidecar], []).create[0]?.ports).toEqual([{ name: 'http', protocol: 'TCP', port: 7 }])
})

it('says headless, and a hostname below the Service', () => {
  const headless = service({ clusterIP: 'None', ports: [] })
  const { create } = slicesFor(headless, [pod(1, { spec: { hostname: 'h', subdomain: 's' } })], [])
  expect(create[0]?.metadata.labels).toMatchObject({ 'service.kubernetes.io/headless': '' })
  expect(create[0]?.endpoints?.[0]?.hostname).toBe('h')
  expect(create[0]?.ports).toEqual([])
})

describe('few writes', () => {
  it('uses the empty slice for the first endpoints, and leaves an empty one behind', () => {
    const empty = carryOut([], slicesFor(service(), [], []))
    expect(addresses(empty)).toEqual([[]])
    const plan = slicesFor(service(), pods(2), empty)
    expect([plan.create.length, plan.update.length, plan.delete.length]).toEqual([0, 1, 0])
    const full = carryOut(empty, plan)
    const back = slicesFor(service(), [], full)
    expect([back.create.length, back.update.length, back.delete.length]).toEqual([0, 1, 0])
    expect(back.update[0]).toMatchObject({ endpoints: [], ports: [] })
  })
  it('writes nothing when all is right', () => {
    const slices = carryOut([], slicesFor(service(), pods(150), []))
    expect(slices.map(({ endpoints }) => endpoints?.length)).toEqual([100, 50])
    expect(slicesFor(service(), pods(150).reverse(), slices)).toEqual({ create: [], update: [], delete: [] })
  })
  it('touches only the slice whose endpoint changed, and fills room before it makes slices', () => {
    const slices = carryOut([], slicesFor(service(), pods(150), []))
    const ending = pods(150).map((each, i) => (i === 3 ? pod(4, { ending: true }) : each))
    expect(slicesFor(service(), ending, slices).update).toHaveLength(1)
    const grown = carryOut(slices, slicesFor(service(), pods(190), slices))
    expect(grown.map(({ endpoints }) => endpoints?.length)).toEqual([100, 90])
    const moved = slicesFor(service({ ports: [{ port: 80, targetPort: 81 }] }), pods(150), slices)
    expect([moved.create.length, moved.update.length, moved.delete.length]).toEqual([0, 2, 0])
  })
  it('deletes slices of another address family', () => {
    const [slice] = carryOut([], slicesFor(service(), pods(1), [])) as [EndpointSlice]
    const other = { ...slice, metadata: { ...slice.metadata, uid: 'six' }, addressType: 'IPv6' }
    expect(slicesFor(service(), pods(1), [slice, other]).delete).toEqual([other])
  })
})

it('says when that happened which it writes, and nothing of what leaves no time behind', () => {
  const annotation = 'endpoints.kubernetes.io/last-change-trigger-time'
  const slices = carryOut([], slicesFor(service(), pods(2), []))
  const { update } = slicesFor(service(), pods(1), slices, { nodeOf: known.nodeOf })
  expect(slices[0]?.metadata.annotations).toEqual({ [annotation]: trigger })
  expect(update[0]?.metadata.annotations).toEqual({})
  const first = planEndpoints(service(), pods(2), undefined, trigger)
  expect(first?.metadata.annotations).toEqual({ [annotation]: trigger })
  expect(planEndpoints(service(), pods(1), first, undefined)?.metadata.annotations).toEqual({})
})

describe('Endpoints', () => {
  const subsets = (plan: ReturnType<typeof endpointsFor>) =>
    plan?.subsets?.map(({ addresses: ready, notReadyAddresses, ports }) => ({
      ready: ready?.map(({ ip }) => ip),
      notReady: notReadyAddresses?.map(({ ip }) => ip),
      ports: ports?.map(({ port }) => port),
    }))
  it('drops a pod as soon as it ends, keeps those not ready apart', () => {
    const plan = endpointsFor(
      service(),
      [pod(2), pod(1), pod(3, { ready: false }), pod(4, { ending: true })],
      undefined,
    )
    expect(subsets(plan)).toEqual([{ ready: ['10.1.0.1', '10.1.0.2'], notReady: ['10.1.0.3'], ports: [8080] }])
    expect(plan?.metadata).toMatchObject({
      name: 's',
      namespace: 'ns',
      labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
    })
    expect(endpointsFor(service(), [pod(1), pod(3, { ready: false }), pod(2)], plan)).toBeUndefined()
  })
  it('publishes everything that is not over when told to', () => {
    const all = service({ publishNotReadyAddresses: true })
    const plan = endpointsFor(
      all,
      [pod(1, { ending: true }), pod(2, { ready: false }), pod(3, { phase: 'Failed' })],
      undefined,
    )
    expect(subsets(plan)).toEqual([{ ready: ['10.1.0.1', '10.1.0.2'], notReady: undefined, ports: [8080] }])
  })
  it('is there without addresses too, and says when there are too many', () => {
    expect(endpointsFor(service(), [], undefined)).not.toHaveProperty('subsets')
    const [, ...others] = pods(1001)
    const plan = endpointsFor(service(), [pod(1, { ready: false }), ...others], undefined)
    expect(plan?.subsets?.[0]?.addresses).toHaveLength(1000)
    expect(plan?.subsets?.[0]).not.toHaveProperty('notReadyAddresses')
    expect(plan?.metadata.annotations).toMatchObject({ 'endpoints.kubernetes.io/over-capacity': 'truncated' })
  })
})
