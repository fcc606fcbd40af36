/** The scheduler against the real API server, in virtual time. */
import { afterEach, expect, it } from 'vitest'
import { rfc3339 } from '../api/time.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { events, nodes, pods } from '../client/resources.ts'
import { drain } from '../sim/drain.node.ts'
import { readyNode, startTestCluster, type TestCluster } from '../sim/test-cluster.ts'

let cluster: TestCluster
afterEach(() => cluster.close())

const namespace = 'default'
const pod = (name: string, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { containers: [{ name: 'app', image: 'app:1' }], ...spec },
})
const get = (name: string) => cluster.client.get(pods, { namespace, name })
const eventsOf = async (name: string) =>
  (await cluster.client.list(events, { namespace, fieldSelector: `involvedObject.name=${name}` })).items

it('binds a pod as soon as it is there, and says so', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(pods, pod('p'))
  await cluster.clock.advance(0)
  const bound = await get('p')
  expect(bound.spec.nodeName).toBe('node-1')
  expect(bound.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }])
  expect(await eventsOf('p')).toMatchObject([
    {
      reason: 'Scheduled',
      message: 'Successfully assigned default/p to node-1',
      action: 'Binding',
      reportingComponent: 'default-scheduler',
    },
  ])
})

it("says in Kubernetes' words why a pod fits nowhere, once, and binds it when it does", async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(pods, pod('p', { nodeSelector: { false: 'where' } }))
  await cluster.clock.advance(40_000)
  const message =
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
  expect((await get('p')).status?.conditions).toMatchObject([
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
  ])
  expect(await eventsOf('p')).toMatchObject([{ type: 'Warning', reason: 'FailedScheduling', message }])
  await cluster.client.patch(nodes, { name: 'node-1' }, { metadata: { labels: { false: 'where' } } }, { type: 'merge' })
  await cluster.clock.advance(1)
  expect((await get('p')).spec.nodeName).toBe('node-1')
})

it('says that a pod would not have others end for it', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(pods, pod('p', { nodeSelector: { no: 'where' }, preemptionPolicy: 'Never' }))
  await cluster.clock.advance(1)
  expect((await get('p')).status?.conditions?.[0]?.message).toBe(
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.",
  )
})

it('says it anew when a node refuses for another reason', async () => {
  cluster = await startTestCluster({ drain })
  const ref = { name: 'node-1' }
  await cluster.client.patch(nodes, ref, { spec: { unschedulable: true } })
  await cluster.client.create(pods, pod('p'))
  await cluster.clock.advance(1)
  const reason = async () => (await get('p')).status?.conditions?.[0]?.message?.replace(/ no new claims.*/, '')
  expect(await reason()).toBe('0/1 nodes are available: 1 node(s) were unschedulable.')
  await cluster.client.patch(nodes, ref, {
    spec: { unschedulable: null, taints: [{ key: 'k', effect: 'NoSchedule' }] },
  })
  await cluster.clock.advance(1)
  expect(await reason()).toBe('0/1 nodes are available: 1 node(s) had untolerated taint(s).')
  expect((await eventsOf('p')).map((event) => event.reason)).toEqual(['FailedScheduling', 'FailedScheduling'])
})

it('counts requests, also of pods it has just placed', async () => {
  cluster = await startTestCluster({ drain })
  const requests = { cpu: '1500m' }
  const big = (name: string) => pod(name, { containers: [{ name: 'app', image: 'app:1', resources: { requests } }] })
  for (const name of ['a', 'b', 'c']) await cluster.client.create(pods, big(name))
  await cluster.clock.advance(1)
  const placed = (await Promise.all(['a', 'b', 'c'].map(get))).filter((p) => p.spec.nodeName)
  expect(placed).toHaveLength(2)
  expect((await get('c')).status?.conditions?.[0]?.message).toBe(
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
  )
  await cluster.client.delete(pods, { namespace, name: 'a' }, { gracePeriodSeconds: 0 })
  await cluster.clock.advance(200)
  expect((await get('c')).spec.nodeName).toBe('node-1')
})

it('spreads the pods of one controller, and keeps off nodes that are cordoned or not ready', async () => {
  cluster = await startTestCluster({ drain, nodes: ['a', 'b', 'c', 'd'] })
  await cluster.client.patch(nodes, { name: 'c' }, { spec: { unschedulable: true } })
  const now = rfc3339(cluster.clock.now())
  const notReady = [{ type: 'Ready', status: 'False', lastTransitionTime: now }]
  await cluster.client.patch(nodes, { name: 'd' }, { status: { conditions: notReady } }, { subresource: 'status' })
  await cluster.clock.advance(10)
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: 'u', controller: true }
  for (let i = 0; i < 4; i++) {
    const { metadata, ...rest } = pod(`p${i}`)
    await cluster.client.create(pods, { ...rest, metadata: { ...metadata, ownerReferences: [owner] } })
  }
  await cluster.clock.advance(0)
  const placed = (await cluster.client.list(pods, { namespace })).items.map((each) => each.spec.nodeName)
  expect(placed.sort()).toEqual(['a', 'a', 'b', 'b'])
})

it('waits for the first node', async () => {
  cluster = await startTestCluster({ drain, nodes: [] })
  await cluster.client.create(pods, pod('p'))
  await cluster.clock.advance(1000)
  expect((await get('p')).status?.conditions?.[0]?.message).toBe('no nodes available to schedule pods')
  await cluster.client.create(nodes, readyNode('late', rfc3339(cluster.clock.now())))
  await cluster.clock.advance(10)
  expect((await get('p')).spec.nodeName).toBe('late')
})
