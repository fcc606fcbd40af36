/** The controllers and the scheduler over a connection that loses and delays: when it has healed, all comes right. */
import { afterEach, expect, it } from 'vitest'
import type { Deployment } from '../api/types/apps-v1.gen.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { SeededRandom } from '../base/random.ts'
import { deployments, endpointSlices, endpoints, namespaces, pods, replicaSets, services } from '../client/resources.ts'
import { drain } from '../sim/drain.node.ts'
import { startTestCluster, type TestCluster } from '../sim/test-cluster.ts'

let cluster: TestCluster
afterEach(() => cluster.close())

const FAULTS = { delayMs: 200, lost: 0.1, unanswered: 0.1, watchMs: 5000 }
const HEAL_WITHIN_MS = 400_000

const deployment = (name: string, namespace: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'app:1' }], terminationGracePeriodSeconds: 5 },
    },
  },
})
const ref = { namespace: 'default', name: 'web' }
const isReady = (pod: Pod) => pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false

/** What users do, one after the other at odd moments. */
async function trouble(random: SeededRandom): Promise<void> {
  const { client, clock } = cluster
  const acts: (() => Promise<unknown>)[] = [
    () => client.patch(deployments, ref, { spec: { replicas: 1 + random.int(6) } }),
    () =>
      client.patch(deployments, ref, { spec: { template: { metadata: { annotations: { v: `${random.int(3)}` } } } } }),
    () => client.patch(deployments, ref, { spec: { paused: random.int(2) === 0 } }),
    async () => {
      const { items } = await client.list(pods, { namespace: 'default' })
      const victim = items[random.int(Math.max(1, items.length))]
      if (victim) await client.delete(pods, { namespace: 'default', name: victim.metadata.name ?? '' })
    },
    async () => {
      const { items } = await client.list(replicaSets, { namespace: 'default' })
      const victim = items[random.int(Math.max(1, items.length))]
      if (victim) await client.delete(replicaSets, { namespace: 'default', name: victim.metadata.name ?? '' })
    },
    async () => {
      const { items } = await client.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=web' })
      if (items[0]) await client.delete(endpointSlices, { namespace: 'default', name: items[0].metadata.name ?? '' })
    },
  ]
  for (let i = 0; i < 12; i++) {
    await acts[random.int(acts.length)]?.()
    await clock.advance(random.int(4000))
  }
}

it.each([1, 2, 3, 4, 5, 6])('seed %i', async (seed) => {
  cluster = await startTestCluster({ drain, seed, faults: FAULTS, nodes: ['a', 'b'] })
  const { client, clock } = cluster
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ref,
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  })
  await client.create(deployments, deployment('web', 'default'))
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } })
  await clock.advance(5000)
  await client.create(deployments, deployment('gone', 'x'))
  await clock.advance(5000)
  await client.delete(namespaces, { name: 'x' })
  await trouble(new SeededRandom(seed))
  const wanted = { replicas: 3, paused: false, template: { metadata: { annotations: { v: 'last' } } } }
  await client.patch(deployments, ref, { spec: wanted })
  cluster.heal()
  await clock.advance(HEAL_WITHIN_MS)

  const live = (await client.list(pods, { namespace: 'default' })).items
  expect(live.map((pod) => pod.metadata.annotations?.v)).toEqual(['last', 'last', 'last'])
  expect(live.every(isReady)).toBe(true)
  const { status, metadata } = await client.get(deployments, ref)
  expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, availableReplicas: 3, terminatingReplicas: 0 })
  expect(status?.observedGeneration).toBe(metadata.generation)
  const sets = (await client.list(replicaSets, { namespace: 'default' })).items
  expect(sets.map((set) => set.spec.replicas).sort()).toEqual([...sets.slice(1).map(() => 0), 3])
  const wantedAddresses = live.map((pod) => pod.status?.podIP).sort()
  const slices = (await client.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=web' })).items
  expect(slices.flatMap(({ endpoints: all = [] }) => all.flatMap((each) => each.addresses)).sort()).toEqual(
    wantedAddresses,
  )
  const { subsets = [] } = await client.get(endpoints, ref)
  expect(subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)).sort()).toEqual(wantedAddresses)
  expect(await client.find(namespaces, { name: 'x' })).toBeUndefined()
  expect((await client.list(pods)).items).toHaveLength(3)
})

it('does the same twice with the same seed', async () => {
  const run = async () => {
    cluster = await startTestCluster({ drain, seed: 7, faults: FAULTS, nodes: ['a', 'b'] })
    await cluster.client.create(deployments, deployment('web', 'default'))
    await trouble(new SeededRandom(7))
    const { items } = await cluster.client.list(pods)
    const seen = [...cluster.failures, ...items.map(({ metadata, spec }) => `${metadata.name} on ${spec.nodeName}`)]
    await cluster.close()
    return seen
  }
  const first = await run()
  expect(first.length).toBeGreaterThan(4)
  expect(await run()).toEqual(first)
})
