/** The controllers and the scheduler against the real API server, in virtual time. */
import { afterEach, expect, it } from 'vitest'
import { keyOf } from '../api/object.ts'
import type { Deployment } from '../api/types/apps-v1.gen.ts'
import type { Event, Pod, Service } from '../api/types/core-v1.gen.ts'
import {
  configMaps,
  deployments,
  endpointSlices,
  endpoints,
  events,
  namespaces,
  pods,
  replicaSets,
  replicationControllers,
  serviceAccounts,
  services,
} from '../client/resources.ts'
import { drain } from '../sim/drain.node.ts'
import { startTestCluster, type TestCluster, type TestClusterOptions } from '../sim/test-cluster.ts'

let cluster: TestCluster

async function start(options: Partial<TestClusterOptions> = {}): Promise<TestCluster> {
  cluster = await startTestCluster({ ...options, drain })
  return cluster
}
afterEach(() => cluster.close())

const namespace = 'default'
const template = (version = '1') => ({
  metadata: { labels: { app: 'web' }, annotations: { version } },
  spec: { containers: [{ name: 'app', image: 'app:1' }], terminationGracePeriodSeconds: 20 },
})
const deployment = (replicas: number, spec: Partial<Deployment['spec']> = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template(), ...spec },
})
const service = (spec: Partial<Service['spec']> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
})
const podsNow = async () => (await cluster.client.list(pods, { namespace })).items
const active = (list: readonly Pod[]) => list.filter((pod) => pod.metadata.deletionTimestamp === undefined)
const isReady = (pod: Pod) => pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')
const eventsOf = async (kind: string) =>
  (await cluster.client.list(events, { namespace })).items.filter((event: Event) => event.involvedObject.kind === kind)
const get = async () => cluster.client.get(deployments, { namespace, name: 'web' })

it('brings a Deployment of 10 to 10 ready pods', async () => {
  await start()
  await cluster.client.create(deployments, deployment(10))
  await cluster.clock.advance(1000)
  expect((await podsNow()).filter(isReady)).toHaveLength(10)
  expect((await get()).status).toMatchObject({
    replicas: 10,
    readyReplicas: 10,
    availableReplicas: 10,
    updatedReplicas: 10,
  })
  expect(cluster.failures).toEqual([])
})

it('replaces a pod at once when it is marked for deletion', async () => {
  await start()
  await cluster.client.create(deployments, deployment(2))
  await cluster.clock.advance(1000)
  const [victim] = await podsNow()
  await cluster.client.delete(pods, { namespace, name: victim?.metadata.name ?? '' })
  await cluster.clock.advance(1)
  const now = await podsNow()
  expect(now).toHaveLength(3)
  expect(active(now)).toHaveLength(2)
  const [set] = (await cluster.client.list(replicaSets, { namespace })).items
  expect(set?.status).toMatchObject({ replicas: 2, readyReplicas: 1, terminatingReplicas: 1 })
  await cluster.clock.advance(5000)
  expect(await podsNow()).toHaveLength(2)
  expect((await get()).status).toMatchObject({ readyReplicas: 2, terminatingReplicas: 0 })
  expect(cluster.failures).toEqual([])
})

it('rolls within the bounds, keeps revisions and rolls back', async () => {
  await start()
  await cluster.client.create(deployments, deployment(3))
  await cluster.clock.advance(1000)
  let most = 0
  let fewestReady = 3
  const watching = await cluster.client.watch(
    pods,
    { namespace },
    {
      event: () =>
        void podsNow().then((list) => {
          most = Math.max(most, active(list).length)
          fewestReady = Math.min(fewestReady, active(list).filter(isReady).length)
        }),
      end() {},
    },
  )
  const ref = { namespace, name: 'web' }
  await cluster.client.patch(deployments, ref, { spec: { template: template('2') } })
  await cluster.clock.advance(20_000)
  watching.stop()
  expect(most).toBe(4)
  expect(fewestReady).toBe(3)
  const rolled = await get()
  expect(rolled.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' })
  expect(rolled.status?.conditions?.map((c) => [c.type, c.status, c.reason])).toEqual([
    ['Available', 'True', 'MinimumReplicasAvailable'],
    ['Progressing', 'True', 'NewReplicaSetAvailable'],
  ])
  expect((await podsNow()).map((pod) => pod.metadata.annotations?.version)).toEqual(['2', '2', '2'])

  await cluster.client.patch(deployments, ref, { spec: { template: template('1') } })
  await cluster.clock.advance(20_000)
  const back = await get()
  expect(back.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3' })
  const sets = (await cluster.client.list(replicaSets, { namespace })).items
  expect(
    sets.map((set) => [set.spec.replicas, set.metadata.annotations?.['deployment.kubernetes.io/revision']]),
  ).toEqual(
    expect.arrayContaining([
      [3, '3'],
      [0, '2'],
    ]),
  )
  expect(sets.find((set) => set.spec.replicas === 3)?.metadata.annotations).toMatchObject({
    'deployment.kubernetes.io/revision-history': '1',
  })
  const messages = (await eventsOf('Deployment')).map((event) => event.message?.replace(/web-\w+/, 'SET'))
  expect(messages.slice(0, 7)).toEqual([
    'Scaled up replica set SET from 0 to 3',
    'Scaled up replica set SET from 0 to 1',
    'Scaled down replica set SET from 3 to 2',
    'Scaled up replica set SET from 1 to 2',
    'Scaled down replica set SET from 2 to 1',
    'Scaled up replica set SET from 2 to 3',
    'Scaled down replica set SET from 1 to 0',
  ])
})

it('with Recreate starts new pods only when the old ones have ended', async () => {
  await start()
  await cluster.client.create(deployments, deployment(2, { strategy: { type: 'Recreate' } }))
  await cluster.clock.advance(1000)
  await cluster.client.patch(deployments, { namespace, name: 'web' }, { spec: { template: template('2') } })
  await cluster.clock.advance(1900)
  expect((await podsNow()).map((pod) => pod.metadata.annotations?.version)).toEqual(['1', '1'])
  await cluster.clock.advance(300)
  expect(active(await podsNow()).map((pod) => pod.metadata.annotations?.version)).toEqual(['2', '2'])
  await cluster.clock.advance(5000)
  expect((await get()).status).toMatchObject({ replicas: 2, readyReplicas: 2, updatedReplicas: 2 })
})

it('scales down, and scales a paused Deployment without rolling it', async () => {
  await start()
  const ref = { namespace, name: 'web' }
  await cluster.client.create(deployments, deployment(3))
  await cluster.clock.advance(1000)
  await cluster.client.patch(deployments, ref, { spec: { replicas: 1 } })
  await cluster.clock.advance(100)
  expect(active(await podsNow())).toHaveLength(1)
  await cluster.client.patch(deployments, ref, { spec: { paused: true } })
  await cluster.client.patch(deployments, ref, { spec: { replicas: 4, template: template('2') } })
  await cluster.clock.advance(5000)
  expect((await podsNow()).map((pod) => pod.metadata.annotations?.version)).toEqual(['1', '1', '1', '1'])
  expect((await get()).status?.conditions?.find((c) => c.type === 'Progressing')?.reason).toBe('DeploymentPaused')
  await cluster.client.patch(deployments, ref, { spec: { paused: null } })
  await cluster.clock.advance(20_000)
  expect((await podsNow()).map((pod) => pod.metadata.annotations?.version)).toEqual(['2', '2', '2', '2'])
})

it('says when a rollout does not get on', async () => {
  await start({ nodes: [] })
  await cluster.client.create(deployments, deployment(1, { progressDeadlineSeconds: 30 }))
  await cluster.clock.advance(32_000)
  const { conditions = [] } = (await get()).status ?? {}
  expect(conditions.find((c) => c.type === 'Progressing')).toMatchObject({
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: expect.stringMatching(/^ReplicaSet "web-\w+" has timed out progressing\.$/),
  })
})

it('adopts pods that match and releases those that do not any more', async () => {
  await start()
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'lone', namespace, labels: { app: 'rc' } } }
  await cluster.client.create(pods, { ...pod, spec: template().spec })
  const rc = {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name: 'rc', namespace },
    spec: { replicas: 2, selector: { app: 'rc' }, template: { ...template(), metadata: { labels: { app: 'rc' } } } },
  }
  await cluster.client.create(replicationControllers, rc)
  await cluster.clock.advance(1000)
  const lone = () => cluster.client.get(pods, { namespace, name: 'lone' })
  expect(await podsNow()).toHaveLength(2)
  expect((await lone()).metadata.ownerReferences).toMatchObject([{ kind: 'ReplicationController', name: 'rc' }])
  await cluster.client.patch(pods, { namespace, name: 'lone' }, { metadata: { labels: { app: 'other' } } })
  await cluster.clock.advance(1000)
  expect(cluster.failures).toEqual([])
  expect((await lone()).metadata.ownerReferences ?? []).toEqual([])
  expect(await podsNow()).toHaveLength(3)
  expect((await cluster.client.get(replicationControllers, { namespace, name: 'rc' })).status).toMatchObject({
    replicas: 2,
    readyReplicas: 2,
  })
})

it('marks endpoints as ready, terminating and removed, in slices and Endpoints', async () => {
  await start()
  await cluster.client.create(services, service())
  await cluster.clock.advance(1)
  const slice = async () => {
    const [only, ...more] = (
      await cluster.client.list(endpointSlices, { namespace, labelSelector: 'kubernetes.io/service-name=web' })
    ).items
    expect(more).toEqual([])
    return only
  }
  const first = await slice()
  expect(first).toMatchObject({ addressType: 'IPv4' })
  expect(first?.endpoints ?? []).toEqual([])
  await cluster.client.create(deployments, deployment(2))
  await cluster.clock.advance(1000)
  const second = await slice()
  expect(second?.metadata.name).toBe(first?.metadata.name)
  expect(second?.ports).toEqual([{ name: '', protocol: 'TCP', port: 8080 }])
  expect(second?.endpoints?.map(({ conditions }) => conditions)).toEqual([
    { ready: true, serving: true, terminating: false },
    { ready: true, serving: true, terminating: false },
  ])
  const [victim] = await podsNow()
  const name = victim?.metadata.name ?? ''
  await cluster.client.delete(pods, { namespace, name })
  await cluster.clock.advance(1)
  const ending = (await slice())?.endpoints?.find(({ targetRef }) => targetRef?.name === name)
  expect(ending?.conditions).toEqual({ ready: false, serving: true, terminating: true })
  const { subsets = [] } = await cluster.client.get(endpoints, { namespace, name: 'web' })
  expect(subsets).toMatchObject([{ addresses: [{ nodeName: 'node-1' }], ports: [{ port: 8080, protocol: 'TCP' }] }])
  await cluster.clock.advance(2100)
  expect((await slice())?.endpoints?.some(({ targetRef }) => targetRef?.name === name)).toBe(false)
  const steps = cluster.traced.filter(({ object }) => object === `pod ${namespace}/${name}`).map(({ step }) => step)
  expect(steps).toEqual(['endpoint-added', 'endpoint-terminating', 'endpoint-removed'])
  await cluster.client.delete(services, { namespace, name: 'web' })
  await cluster.clock.advance(1)
  expect(await slice()).toBeUndefined()
  expect(await cluster.client.find(endpoints, { namespace, name: 'web' })).toBeUndefined()
})

it('mirrors Endpoints made by hand while their Service has no selector', async () => {
  await start()
  await cluster.client.create(services, service({ selector: {} }))
  const metadata = { name: 'web', namespace }
  const subsets = [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 5432, protocol: 'TCP' }] }]
  await cluster.client.create(endpoints, { metadata, subsets })
  const mirrored = async () => {
    await cluster.clock.advance(10)
    const selector = 'endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io'
    const { items } = await cluster.client.list(endpointSlices, { namespace, labelSelector: selector })
    return items.flatMap((slice) => slice.endpoints ?? []).map(({ addresses }) => addresses[0])
  }
  expect(await mirrored()).toEqual(['192.0.2.1'])
  const more = [{ ...subsets[0], addresses: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }] }]
  await cluster.client.patch(endpoints, metadata, { subsets: more })
  expect(await mirrored()).toEqual(['192.0.2.1', '192.0.2.2'])
  await cluster.client.patch(services, metadata, { spec: { selector: { app: 'web' } } })
  expect(await mirrored()).toEqual([])
  expect(cluster.failures).toEqual([])
})

it.each([
  ['Background', 0],
  ['Foreground', 0],
  ['Orphan', 2],
] as const)('deletes a Deployment with propagation %s', async (propagationPolicy, left) => {
  await start()
  await cluster.client.create(deployments, deployment(2))
  await cluster.clock.advance(1000)
  await cluster.client.delete(deployments, { namespace, name: 'web' }, { propagationPolicy })
  await cluster.clock.advance(1000)
  const [set] = (await cluster.client.list(replicaSets, { namespace })).items
  if (propagationPolicy === 'Foreground') {
    expect(await get()).toMatchObject({ metadata: { finalizers: ['foregroundDeletion'] } })
    expect(set?.metadata.finalizers).toEqual(['foregroundDeletion'])
  }
  if (propagationPolicy === 'Orphan') expect(set?.metadata.ownerReferences ?? []).toEqual([])
  await cluster.clock.advance(5000)
  expect(await cluster.client.find(deployments, { namespace, name: 'web' })).toBeUndefined()
  expect(await podsNow()).toHaveLength(left)
  expect((await cluster.client.list(replicaSets, { namespace })).items).toHaveLength(left ? 1 : 0)
})

it('empties a namespace in order and removes it', async () => {
  await start()
  await cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } })
  await cluster.clock.advance(10)
  const account = await cluster.client.find(serviceAccounts, { namespace: 'x', name: 'default' })
  expect(account).toBeDefined()
  const rootCa = await cluster.client.find(configMaps, { namespace: 'x', name: 'kube-root-ca.crt' })
  expect(rootCa?.data).toEqual({ 'ca.crt': 'CA' })
  await cluster.client.patch(configMaps, { namespace: 'x', name: 'kube-root-ca.crt' }, { data: { more: 'y' } })
  await cluster.clock.advance(10)
  expect(await cluster.client.find(configMaps, { namespace: 'x', name: 'kube-root-ca.crt' })).toMatchObject({
    data: rootCa?.data,
  })
  const held = { name: 'held', namespace: 'x', finalizers: ['example.com/hold'] }
  await cluster.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: held })
  await cluster.client.create(deployments, { ...deployment(2), metadata: { name: 'web', namespace: 'x' } })
  await cluster.clock.advance(1000)
  await cluster.client.delete(namespaces, { name: 'x' })
  const countPods = async () => active((await cluster.client.list(pods, { namespace: 'x' })).items).length
  await cluster.clock.advance(4900)
  expect(await countPods()).toBe(2)
  await cluster.clock.advance(200)
  expect(await countPods()).toBe(0)
  expect(await cluster.client.find(deployments, { namespace: 'x', name: 'web' })).toBeDefined()
  await cluster.clock.advance(5000)
  expect(await cluster.client.find(deployments, { namespace: 'x', name: 'web' })).toBeUndefined()
  const stuck = await cluster.client.get(namespaces, { name: 'x' })
  expect(stuck.status?.conditions?.slice(3)).toMatchObject([
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      message: 'Some resources are remaining: configmaps. has 1 resource instances',
    },
    {
      type: 'NamespaceFinalizersRemaining',
      status: 'True',
      message: 'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    },
  ])
  await cluster.client.patch(configMaps, { namespace: 'x', name: 'held' }, { metadata: { finalizers: null } })
  await cluster.clock.advance(2000)
  expect(await cluster.client.find(namespaces, { name: 'x' })).toBeUndefined()
})

it('brings back the default account and the kubernetes Service', async () => {
  await start()
  const before = await cluster.client.get(services, { namespace, name: 'kubernetes' })
  expect(before.spec.clusterIP).toBe('10.96.0.1')
  const keysOf = async () => (await cluster.client.list(endpointSlices)).items.map(keyOf)
  expect(await keysOf()).toEqual(['default/kubernetes'])
  await cluster.client.delete(services, { namespace, name: 'kubernetes' })
  await cluster.client.delete(serviceAccounts, { namespace, name: 'default' })
  await cluster.clock.advance(2500)
  const after = await cluster.client.get(services, { namespace, name: 'kubernetes' })
  expect(after.metadata.uid).not.toBe(before.metadata.uid)
  expect(after.spec.clusterIP).toBe('10.96.0.1')
  expect(await cluster.client.find(serviceAccounts, { namespace, name: 'default' })).toBeDefined()
  expect(await keysOf()).toEqual(['default/kubernetes'])
  expect(await cluster.client.find(endpoints, { namespace, name: 'kubernetes' })).toMatchObject({
    subsets: [{ addresses: [{ ip: '10.0.0.1' }] }],
  })
})

it('lets events go an hour after they were last told', async () => {
  await start()
  await cluster.client.create(deployments, deployment(1))
  await cluster.clock.advance(1000)
  const reasons = async () =>
    (await cluster.client.list(events, { namespace })).items.map(({ reason }) => reason).sort()
  const all = ['RegisteredNode', 'ScalingReplicaSet', 'Scheduled', 'SuccessfulCreate']
  expect(await reasons()).toEqual(all)
  await cluster.clock.advance(3_590_000)
  expect(await reasons()).toEqual(all)
  await cluster.clock.advance(70_000)
  expect(await reasons()).toEqual([])
})
