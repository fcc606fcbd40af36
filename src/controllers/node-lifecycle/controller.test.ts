/** Nodes that fall silent, against the real API server, in virtual time. */
import { afterEach, expect, it } from 'vitest'
import { rfc3339, rfc3339Micro } from '../../api/time.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { events, leases, nodes, pods } from '../../client/resources.ts'
import { drain } from '../../sim/drain.node.ts'
import { startTestCluster, type TestCluster } from '../../sim/test-cluster.ts'

let cluster: TestCluster
afterEach(() => cluster.close())

const namespace = 'default'
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace },
  spec: { containers: [{ name: 'app', image: 'app:1' }], nodeName: 'node-1' },
}
const node = () => cluster.client.get(nodes, { name: 'node-1' })
const getPod = () => cluster.client.find(pods, { namespace, name: 'p' })
const taintsOf = async () => (await node()).spec?.taints?.map(({ key, effect }) => `${key}:${effect}`)
const lease = () => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'node-1', namespace: 'kube-node-lease' },
  spec: { holderIdentity: 'node-1', leaseDurationSeconds: 40, renewTime: rfc3339Micro(cluster.clock.now()) },
})

it('makes a silent node Unknown after 50 s, its pods not ready, and evicts them when their toleration is over', async () => {
  cluster = await startTestCluster({ drain, nodes: ['node-1', 'other'], heartbeats: ['other'] })
  await cluster.client.create(pods, pod)
  await cluster.client.create(leases, lease())
  for (let i = 0; i < 10; i++) {
    await cluster.clock.advance(10_000)
    await cluster.client.patch(leases, { namespace: 'kube-node-lease', name: 'node-1' }, { spec: lease().spec })
  }
  expect(await taintsOf()).toBeUndefined()
  await cluster.clock.advance(49_000)
  expect(await taintsOf()).toBeUndefined()
  await cluster.clock.advance(1_100)
  const silent = (await node()).status?.conditions?.find(({ type }) => type === 'Ready')
  expect(silent).toMatchObject({
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  })
  expect(await taintsOf()).toEqual([
    'node.kubernetes.io/unreachable:NoSchedule',
    'node.kubernetes.io/unreachable:NoExecute',
  ])
  const ready = (await getPod())?.status?.conditions?.find(({ type }) => type === 'Ready')
  expect(ready?.status).toBe('False')
  const told = await cluster.client.list(events, {
    namespace,
    fieldSelector: 'involvedObject.name=p,reason=NodeNotReady',
  })
  expect(told.items).toMatchObject([
    { type: 'Warning', message: 'Node is not ready', source: { component: 'node-controller' } },
  ])
  await cluster.clock.advance(295_000)
  expect((await getPod())?.metadata.deletionTimestamp).toBeUndefined()
  await cluster.clock.advance(5_000)
  expect((await getPod())?.metadata.deletionTimestamp).toBeDefined()
  const now = rfc3339(cluster.clock.now())
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: now, lastTransitionTime: now }]
  await cluster.client.patch(nodes, { name: 'node-1' }, { status: { conditions } }, { subresource: 'status' })
  await cluster.clock.advance(10)
  expect(await taintsOf()).toBeUndefined()
})

it('lets a pod stay when the taint goes, or its toleration is prolonged, before its time is over, and says so', async () => {
  cluster = await startTestCluster({ drain })
  const ref = { name: 'node-1' }
  const limited = (tolerationSeconds: number) => [
    { key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds },
    { key: 'k', operator: 'Exists' },
  ]
  for (const name of ['p', 'q'])
    await cluster.client.create(pods, {
      ...pod,
      metadata: { name, namespace },
      spec: { ...pod.spec, tolerations: limited(60) },
    })
  const taint = { key: 'k', effect: 'NoExecute', timeAdded: rfc3339(cluster.clock.now()) }
  await cluster.client.patch(nodes, ref, { spec: { taints: [taint] } })
  await cluster.clock.advance(30_000)
  const { tolerations = [] } = (await getPod())?.spec ?? {}
  const spec = { tolerations: [limited(3600)[0], ...tolerations.slice(1)] }
  await cluster.client.patch(pods, { namespace, name: 'p' }, { spec }, { type: 'merge' })
  await cluster.clock.advance(31_000)
  await cluster.client.patch(nodes, ref, { spec: { taints: null } })
  await cluster.clock.advance(60_000)
  const told = await cluster.client.list(events, { namespace, fieldSelector: 'reason=TaintManagerEviction' })
  expect(told.items.map(({ message }) => message)).toEqual([
    'Cancelling deletion of Pod default/p',
    'Marking for deletion Pod default/q',
  ])
  expect((await getPod())?.metadata.deletionTimestamp).toBeUndefined()
})

it('removes pods of a node that is gone, after a quarantine', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(pods, pod)
  await cluster.clock.advance(1000)
  await cluster.client.delete(nodes, { name: 'node-1' })
  await cluster.clock.advance(39_000)
  expect(await getPod()).toBeDefined()
  await cluster.clock.advance(25_000)
  expect(await getPod()).toBeUndefined()
  const told = await cluster.client.list(events, { fieldSelector: 'reason=RemovingNode' })
  expect(told.items).toMatchObject([{ message: 'Node node-1 event: Removing Node node-1 from Controller' }])
})

it('gives up the pods that end on a silent node when it is said to be out of service', async () => {
  cluster = await startTestCluster({ drain, nodes: ['node-1', 'other'], heartbeats: ['other'], endMs: 10_000_000 })
  await cluster.client.create(pods, { ...pod, spec: { ...pod.spec, tolerations: [{ operator: 'Exists' }] } })
  await cluster.clock.advance(60_000)
  await cluster.client.delete(pods, { namespace, name: 'p' })
  await cluster.clock.advance(60_000)
  expect((await getPod())?.metadata.deletionTimestamp).toBeDefined()
  const taints = [
    ...((await node()).spec?.taints ?? []),
    { key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' },
  ]
  await cluster.client.patch(nodes, { name: 'node-1' }, { spec: { taints } })
  await cluster.clock.advance(21_000)
  expect(await getPod()).toBeUndefined()
})

it('says once that a node is not ready', async () => {
  cluster = await startTestCluster({ drain, nodes: ['node-1', 'node-2'], heartbeats: [] })
  const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: rfc3339(cluster.clock.now()) }]
  await cluster.client.patch(nodes, { name: 'node-2' }, { status: { conditions } }, { subresource: 'status' })
  await cluster.clock.advance(60_000)
  const told = await cluster.client.list(events, { fieldSelector: 'involvedObject.kind=Node,reason=NodeNotReady' })
  expect(told.items.map(({ message }) => message)).toEqual(['Node node-1 status is now: NodeNotReady'])
})

it('evicts nobody when no node is heard of', async () => {
  cluster = await startTestCluster({ drain, heartbeats: [] })
  await cluster.client.create(pods, pod)
  await cluster.clock.advance(400_000)
  expect(await taintsOf()).toEqual(['node.kubernetes.io/unreachable:NoSchedule'])
  expect((await getPod())?.metadata.deletionTimestamp).toBeUndefined()
})
