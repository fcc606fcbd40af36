import { expect, it } from 'vitest'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { deployments, pods } from '../client/resources.ts'
import type { SimProgram } from '../kubelet/runtimes/simulated.ts'
import { drain } from './drain.node.ts'
import { startWorld, type World } from './world.ts'

const stubborn: SimProgram = { onSignal: { SIGTERM: 'ignore' } }

const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'default', name: 'web' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { terminationGracePeriodSeconds: 30, containers: [{ name: 'app', image: 'stubborn:1' }] },
    },
  },
}

const isReady = (pod: Pod | undefined) =>
  pod?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')

/** Deploys, deletes the pod, waits for the end of the old one and for the new one. */
async function story(seed: number): Promise<{ world: World; first: Pod; deletedAtMs: number }> {
  const world = await startWorld({ seed, drain, programs: { 'stubborn:1': stubborn } })
  await world.through(world.client.create(deployments, web))
  const first = () => world.changes.map(({ pod }) => pod).find((pod) => isReady(pod))
  await world.until(() => first() !== undefined, 30_000)
  const pod = first() as Pod
  await world.advance(1_234)
  const deletedAtMs = world.clock.now()
  await world.through(world.client.delete(pods, { namespace: 'default', name: pod.metadata.name ?? '' }))
  await world.until(() => world.changes.some((c) => c.type === 'deleted' && c.pod.metadata.uid === pod.metadata.uid))
  return { world, first: pod, deletedAtMs }
}

it('a pod that ignores TERM ends 137 after exactly 30 virtual seconds, and is replaced at once', async () => {
  const { world, first, deletedAtMs } = await story(1)
  const object = `pod default/${first.metadata.name}`
  const steps = world.trace.filter((e) => e.object === object && e.component === 'kubelet')
  expect(steps.map((e) => [e.step, e.detail?.signal ?? e.detail?.code])).toEqual([
    ['pod-seen', undefined],
    ['container-started', undefined],
    ['pod-ready', undefined],
    ['delete-seen', undefined],
    ['signal-sent', 'SIGTERM'],
    ['signal-sent', 'SIGKILL'],
    ['container-exited', 137],
    ['status-written', undefined],
    ['final-delete', undefined],
  ])
  const exited = steps.find((e) => e.step === 'container-exited')
  expect((exited?.at ?? 0) - deletedAtMs).toBe(30_000)
  const last = world.changes.filter((c) => c.pod.metadata.uid === first.metadata.uid).at(-1)?.pod
  expect(last?.status?.phase).toBe('Failed')
  expect(last?.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' })
  const second = world.changes.find((c) => c.type === 'added' && c.pod.metadata.uid !== first.metadata.uid)?.pod
  expect(isReady(world.pod(`default/${second?.metadata.name}`))).toBe(true)
  await world.close()
})

it('the same seed gives the same trace twice, another seed another', async () => {
  const traces = []
  for (const seed of [7, 7, 8]) {
    const { world } = await story(seed)
    traces.push(JSON.stringify(world.trace))
    await world.close()
  }
  expect(traces[0]).toBe(traces[1])
  expect(traces[0]).not.toBe(traces[2])
})
