import { afterEach, describe, expect, it } from 'vitest'
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { events, pods } from '../client/resources.ts'
import { drain } from './drain.node.ts'
import { ENDINGS_DERIVED } from './endings-derived.ts'
import { ENDINGS_RECORDED } from './endings-recorded.ts'
import { ENDINGS, type Ending } from './endings-table.ts'
import { startWorld, type World } from './world.ts'

const LONGEST_MS = 60_000

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

describe('endings in virtual time', () => {
  for (const ending of [...ENDINGS, ...ENDINGS_RECORDED, ...ENDINGS_DERIVED])
    it(ending.name, async () => {
      world = await startWorld({ seed: 1, drain, programs: ending.programs })
      await play(world, ending)
    })
})

async function play(world: World, ending: Ending): Promise<void> {
  const metadata = { namespace: 'default', name: 'p' }
  await world.through(world.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: ending.spec }))
  // Everything starts within the instant of its creation: time stands still until somebody waits.
  await world.advance(0)
  const zeroMs = world.clock.now()
  const node = world.nodes.get('node-1')
  const doings: { atMs: number; run(): Promise<unknown> }[] = []
  for (const { atMs, grace } of ending.deletes ?? [])
    doings.push({
      atMs,
      run: () => world.client.delete(pods, metadata, grace === undefined ? undefined : { gracePeriodSeconds: grace }),
    })
  if (ending.crash) {
    doings.push({ atMs: ending.crash.atMs, run: () => node?.crash() ?? Promise.resolve() })
    doings.push({ atMs: ending.crash.backAtMs, run: () => node?.restart() ?? Promise.resolve() })
  }
  for (const { atMs, run } of doings.sort((a, b) => a.atMs - b.atMs)) {
    await world.advance(zeroMs + atMs - world.clock.now())
    await world.through(run())
  }
  await world.advance(LONGEST_MS)
  await check(world, ending, zeroMs + (ending.deletes?.[0]?.atMs ?? 0))
}

async function check(world: World, ending: Ending, fromMs: number): Promise<void> {
  expect(world.trace.filter((e) => e.component === 'kubelet').flatMap((e) => stepText(e, fromMs))).toEqual(ending.steps)
  const changes = world.changes.filter((c) => c.pod.metadata.name === 'p')
  const gone = changes.find((c) => c.type === 'deleted')
  const beganMs = world.clock.now() - world.clock.monotonic()
  expect(gone && beganMs + gone.atMs - fromMs).toBe(ending.goneAtMs)
  const last = changes.at(-1)?.pod as Pod
  if (ending.phase) expect(last.status?.phase).toBe(ending.phase)
  if (ending.ready) expect(reasonsOf(last)).toEqual([ending.ready, ending.ready])
  if (ending.states) expect(statesOf(last)).toEqual(ending.states)
  if (ending.events) expect((await endEvents(world, fromMs)).sort()).toEqual([...ending.events].sort())
  // Whatever happened, the terminal status was written at most once.
  expect(world.trace.filter((e) => e.step === 'status-written').length).toBeLessThanOrEqual(1)
}

function stepText({ step, at, detail = {} }: EbbTraceEvent, fromMs: number): string[] {
  const ms = at - fromMs
  if (step === 'signal-sent') return [`${ms} ${detail.signal} ${detail.container}`]
  if (step === 'container-exited') return [`${ms} exit ${detail.container} ${detail.code}`]
  if (step === 'prestop-started') return [`${ms} ${step} ${detail.container}`]
  if (step === 'prestop-ended') return [`${ms} ${step} ${detail.container} ${detail.ok}`]
  return []
}

const reasonsOf = (pod: Pod) =>
  ['Ready', 'ContainersReady'].map((type) => pod.status?.conditions?.find((c) => c.type === type)?.reason)

function statesOf({ status }: Pod): string[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  return all.map(({ name, state }) => {
    const { terminated, waiting } = state ?? {}
    return terminated ? `${name} ${terminated.exitCode} ${terminated.reason}` : `${name} waiting ${waiting?.reason}`
  })
}

/** Events about the pod's end; each counted as often as it happened. */
async function endEvents(world: World, fromMs: number): Promise<string[]> {
  const { items } = await world.through(world.client.list(events, { namespace: 'default' }))
  return items
    .filter((event) => ['Killing', 'FailedPreStopHook'].includes(event.reason ?? '') && fromMs > 0)
    .flatMap((event) => Array.from({ length: event.count ?? 1 }, () => `${event.reason}: ${event.message}`))
}
