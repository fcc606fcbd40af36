/** Rollouts that do not go straight, against the real API server, in virtual time. */
import { afterEach, expect, it } from 'vitest'
import type { Deployment } from '../api/types/apps-v1.gen.ts'
import { deployments, pods, replicaSets } from '../client/resources.ts'
import { drain } from '../sim/drain.node.ts'
import { startTestCluster, type TestCluster } from '../sim/test-cluster.ts'

let cluster: TestCluster
afterEach(() => cluster.close())

const ref = { namespace: 'default', name: 'web' }
const template = (version: string) => ({
  metadata: { labels: { app: 'web' }, annotations: { version } },
  spec: {
    containers: [{ name: 'app', image: 'app:1' }],
    schedulerName: version === 'stuck' ? 'nobody' : 'default-scheduler',
  },
})
const deployment = (spec: Partial<Deployment['spec']>): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: ref,
  spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template('1'), ...spec },
})
const roll = (version: string) => cluster.client.patch(deployments, ref, { spec: { template: template(version) } })
const versions = async () =>
  (await cluster.client.list(pods)).items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.annotations?.version)
    .sort()
const sizes = async () =>
  Object.fromEntries(
    (await cluster.client.list(replicaSets)).items.map((set) => [
      set.spec.template?.metadata?.annotations?.version,
      set.spec.replicas,
    ]),
  )

it('waits for minReadySeconds before it counts a pod as available', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(deployments, deployment({ replicas: 1, minReadySeconds: 10 }))
  await cluster.clock.advance(5_000)
  const status = async () => (await cluster.client.get(deployments, ref)).status
  expect(await status()).toMatchObject({ readyReplicas: 1, unavailableReplicas: 1 })
  expect(await status()).not.toHaveProperty('availableReplicas')
  await cluster.clock.advance(6_600)
  expect(await status()).toMatchObject({ readyReplicas: 1, availableReplicas: 1 })
  await roll('2')
  await cluster.clock.advance(9_000)
  expect(await versions()).toEqual(['1', '2'])
  await cluster.clock.advance(3_000)
  expect(await versions()).toEqual(['2'])
})

it('adopts a ReplicaSet with a revision that only 64 bits hold, and counts on from there', async () => {
  cluster = await startTestCluster({ drain })
  const revision = 'deployment.kubernetes.io/revision'
  await cluster.client.create(replicaSets, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      namespace: 'default',
      name: 'before',
      labels: { app: 'web' },
      annotations: { [revision]: '3546343826724306832' },
    },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: template('0') },
  })
  await cluster.clock.advance(2_000)
  await cluster.client.create(deployments, deployment({ replicas: 1 }))
  await cluster.clock.advance(10_000)
  expect(await versions()).toEqual(['1'])
  const revisions = (await cluster.client.list(replicaSets)).items.map((set) => set.metadata.annotations?.[revision])
  expect(revisions.sort()).toEqual(['3546343826724306832', '3546343826724306833'])
  const made = await cluster.client.get(deployments, ref)
  expect(made.metadata.annotations?.[revision]).toBe('3546343826724306833')
})

it('rolls back in mid-way, and on to a third version without finishing the second', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(deployments, deployment({}))
  await cluster.clock.advance(1000)
  await roll('stuck')
  await cluster.clock.advance(5000)
  expect(await versions()).toEqual(['1', '1', '1', 'stuck'])
  await roll('1')
  await cluster.clock.advance(5000)
  expect(await versions()).toEqual(['1', '1', '1'])
  expect(await sizes()).toEqual({ 1: 3, stuck: 0 })
  await roll('stuck')
  await cluster.clock.advance(1000)
  await roll('3')
  await cluster.clock.advance(20_000)
  expect(await versions()).toEqual(['3', '3', '3'])
  expect(await sizes()).toEqual({ 1: 0, stuck: 0, 3: 3 })
})

it('scales in the middle of a stuck rollout in proportion', async () => {
  cluster = await startTestCluster({ drain })
  const rollingUpdate = { maxSurge: 2, maxUnavailable: 2 }
  await cluster.client.create(
    deployments,
    deployment({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate } }),
  )
  await cluster.clock.advance(1000)
  await roll('stuck')
  await cluster.clock.advance(5000)
  expect(await sizes()).toEqual({ 1: 8, stuck: 4 })
  await cluster.client.patch(deployments, ref, { spec: { replicas: 20 } })
  await cluster.clock.advance(5000)
  // 22 in all (20 and a surge of 2), 8 : 4 as before.
  expect(await sizes()).toEqual({ 1: 15, stuck: 7 })
})

it('takes over a ReplicaSet and pods that were orphaned', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(deployments, deployment({}))
  await cluster.clock.advance(1000)
  const before = (await cluster.client.list(pods)).items.map(({ metadata }) => metadata.uid)
  await cluster.client.delete(deployments, ref, { propagationPolicy: 'Orphan' })
  await cluster.clock.advance(1000)
  await cluster.client.create(deployments, deployment({}))
  await cluster.clock.advance(1000)
  const [set, ...more] = (await cluster.client.list(replicaSets)).items
  expect(more).toEqual([])
  expect(set?.metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', name: 'web' }])
  expect((await cluster.client.list(pods)).items.map(({ metadata }) => metadata.uid)).toEqual(before)
  expect((await cluster.client.get(deployments, ref)).status).toMatchObject({ readyReplicas: 3, updatedReplicas: 3 })
})

it('takes another hash when an unrelated ReplicaSet has the name', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(deployments, deployment({}))
  await cluster.clock.advance(1000)
  const [{ metadata = {} } = {}] = (await cluster.client.list(replicaSets)).items
  await cluster.client.delete(deployments, ref)
  await cluster.clock.advance(5000)
  const labels = { app: 'stranger' }
  const spec = { replicas: 0, selector: { matchLabels: labels }, template: { ...template('1'), metadata: { labels } } }
  await cluster.client.create(replicaSets, { metadata: { ...ref, name: metadata.name ?? '' }, spec })
  await cluster.client.create(deployments, deployment({}))
  await cluster.clock.advance(1000)
  expect((await cluster.client.get(deployments, ref)).status).toMatchObject({ collisionCount: 1, readyReplicas: 3 })
  const names = (await cluster.client.list(replicaSets)).items.map((set) => set.metadata.name)
  expect(names).toHaveLength(2)
  expect(names).toContain(metadata.name)
})

it('keeps as many old ReplicaSets as it is told', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(deployments, deployment({ replicas: 1, revisionHistoryLimit: 2 }))
  for (const version of ['2', '3', '4', '5']) {
    await cluster.clock.advance(10_000)
    await roll(version)
  }
  await cluster.clock.advance(10_000)
  expect(await sizes()).toEqual({ 3: 0, 4: 0, 5: 1 })
})

it('goes to nothing and back', async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(deployments, deployment({}))
  await cluster.clock.advance(1000)
  await cluster.client.patch(deployments, ref, { spec: { replicas: 0 } })
  await cluster.clock.advance(5000)
  expect(await versions()).toEqual([])
  const { status } = await cluster.client.get(deployments, ref)
  expect(status?.conditions?.map(({ type, status: is }) => `${type} ${is}`)).toEqual([
    'Available True',
    'Progressing True',
  ])
  await cluster.client.patch(deployments, ref, { spec: { replicas: 2 } })
  await cluster.clock.advance(2000)
  expect(await versions()).toEqual(['1', '1'])
})
