/**
 * Pods of random shape, deleted at random moments in random ways, on a node whose process crashes now and then. The checkers know
 * nothing of the plan: they read the trace, the watch and the runtime. A failing seed is replayed by its number.
 */
import { describe, expect, it } from 'vitest'
import type { Container, Pod, PodSpec } from '../api/types/core-v1.gen.ts'
import { type Random, SeededRandom } from '../base/random.ts'
import { pods } from '../client/resources.ts'
import type { SimProgram } from '../kubelet/runtimes/simulated.ts'
import { drain } from './drain.node.ts'
import { startWorld, type World } from './world.ts'

const SEEDS = 40
const PODS = 6
const PLAY_MS = 40_000
const QUIET_MS = 120_000
const FLOOR_MS = 2_000

const one = <T>(random: Random, choices: readonly T[]): T => choices[random.int(choices.length)] as T

/** Programs by name; what they do with TERM, and whether they end by themselves. */
const PROGRAMS: Readonly<Record<string, SimProgram>> = {
  stubborn: { onSignal: { SIGTERM: 'ignore' } },
  bare: {},
  quick: { onSignal: { SIGTERM: { exit: 0 } } },
  slow: { onSignal: { SIGTERM: { exit: 0, afterMs: 1500 } }, startDelayMs: 40 },
  angry: { onSignal: { SIGTERM: { exit: 9, afterMs: 100 } } },
  crashing: { exitAfterMs: 700, exitCode: 1 },
  done: { exitAfterMs: 1200, exitCode: 0 },
}
const COMMANDS: NonNullable<SimProgram['commands']> = {
  short: { exitCode: 0, takesMs: 300 },
  long: { exitCode: 0, takesMs: 60_000 },
  bad: { exitCode: 1 },
}

function randomContainer(
  random: Random,
  name: string,
  kind: 'init' | 'sidecar' | 'main',
  graceSeconds: number,
): Container {
  const image = kind === 'init' ? one(random, ['done', 'done', 'slow', 'crashing']) : one(random, Object.keys(PROGRAMS))
  const hook = random.int(6)
  const preStop =
    hook === 0
      ? { sleep: { seconds: random.int(graceSeconds) } }
      : hook < 3
        ? { exec: { command: [one(random, ['short', 'long', 'bad'])] } }
        : undefined
  return {
    name,
    image,
    ...(kind === 'sidecar' ? { restartPolicy: 'Always' } : {}),
    ...(preStop && kind !== 'init' ? { lifecycle: { preStop } } : {}),
  }
}

function randomSpec(random: Random): PodSpec {
  const graceSeconds = 1 + random.int(10)
  const list = (count: number, prefix: string, kind: 'init' | 'sidecar' | 'main') =>
    Array.from({ length: count }, (_, i) => randomContainer(random, `${prefix}${i}`, kind, graceSeconds))
  return {
    terminationGracePeriodSeconds: graceSeconds,
    restartPolicy: one(random, ['Always', 'Always', 'OnFailure', 'Never']),
    shareProcessNamespace: random.int(5) === 0,
    initContainers: [...list(random.int(2), 'i', 'init'), ...list(random.int(3), 's', 'sidecar')],
    containers: list(1 + random.int(3), 'c', 'main'),
  }
}

interface Doing {
  readonly atMs: number
  run(): Promise<unknown>
}

function schedule(world: World, random: Random): Doing[] {
  const doings: Doing[] = []
  for (let i = 0; i < PODS; i++) {
    const metadata = { namespace: 'default', name: `p${i}` }
    const bornMs = random.int(5000)
    const spec = randomSpec(random)
    doings.push({
      atMs: bornMs,
      run: () => world.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec }),
    })
    for (let n = random.int(4); n > 0; n--) {
      const grace = one(random, [undefined, undefined, 0, 1, 3, 20])
      const options = grace === undefined ? undefined : { gracePeriodSeconds: grace }
      doings.push({
        atMs: bornMs + random.int(one(random, [60, 3000, 30_000])),
        run: () => world.client.delete(pods, metadata, options).catch(() => {}),
      })
    }
  }
  const node = world.nodes.get('node-1')
  for (let n = random.int(3), atMs = 2000; n > 0; n--) {
    atMs += random.int(10_000)
    const downMs = 200 + random.int(8000)
    doings.push({ atMs, run: () => node?.crash() ?? Promise.resolve() })
    doings.push({ atMs: atMs + downMs, run: () => node?.restart() ?? Promise.resolve() })
    atMs += downMs + 1
  }
  return doings.sort((a, b) => a.atMs - b.atMs)
}

/** What the runtime saw, also while no kubelet looked. */
interface Life {
  readonly sandboxId: string
  readonly name: string
  readonly startedAtMs: number
  finishedAtMs: number
}

interface Played {
  readonly world: World
  readonly lives: ReadonlyMap<string, Life>
  /** Sandbox -> pod, as the trace names it. */
  readonly objects: ReadonlyMap<string, string>
}

async function play(seed: number): Promise<Played> {
  const random = new SeededRandom(seed)
  const programs = Object.fromEntries(Object.entries(PROGRAMS).map(([n, p]) => [n, { ...p, commands: COMMANDS }]))
  const world = await startWorld({ seed, drain, programs })
  const runtime = world.nodes.get('node-1')?.runtime
  const lives = new Map<string, Life>()
  runtime?.subscribe(({ type, container: { id, name, sandboxId, startedAtMs = 0, finishedAtMs = 0 } }) => {
    if (type === 'started') lives.set(id, { name, sandboxId, startedAtMs, finishedAtMs: Number.POSITIVE_INFINITY })
    const life = lives.get(id)
    if (type === 'exited' && life) life.finishedAtMs = finishedAtMs
  })
  const objects = new Map<string, string>()
  const zeroMs = world.clock.now()
  for (const { atMs, run } of schedule(world, random)) {
    for (const { id, config } of (await runtime?.listSandboxes()) ?? []) objects.set(id, `pod default/${config.name}`)
    await world.advance(Math.max(0, zeroMs + atMs - world.clock.now()))
    await world.through(run())
  }
  await world.advance(PLAY_MS)
  for (const { id, config } of (await runtime?.listSandboxes()) ?? []) objects.set(id, `pod default/${config.name}`)
  await world.advance(QUIET_MS)
  return { world, lives, objects }
}

// ---- checkers: each gives sentences about what is wrong

const over = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

/** Of one life the stop signal comes once, and KILL not before the floor has passed since. */
function signalsAreFair({ trace }: World): string[] {
  const wrong: string[] = []
  const termAt = new Map<string, number>()
  for (const { step, at, object, detail = {} } of trace) {
    const life = `${object} ${detail.container} pid ${detail.pid}`
    if (step !== 'signal-sent') continue
    if (detail.signal === 'SIGTERM') {
      if (termAt.has(life)) wrong.push(`${life}: a second SIGTERM`)
      termAt.set(life, at)
    } else if (at - (termAt.get(life) ?? Number.NEGATIVE_INFINITY) < FLOOR_MS) wrong.push(`${life}: KILL too soon`)
    else if (!termAt.has(life)) wrong.push(`${life}: KILL without TERM`)
  }
  return wrong
}

/** A terminal phase is written once and stays; no container is shown running in it. */
function terminalStaysTerminal({ changes }: World): string[] {
  const wrong: string[] = []
  const ended = new Map<string, string>()
  for (const { pod } of changes) {
    const { uid = '', name } = pod.metadata
    const before = ended.get(uid)
    if (before && pod.status?.phase !== before) wrong.push(`${name}: ${before} became ${pod.status?.phase}`)
    if (!over(pod)) continue
    ended.set(uid, pod.status?.phase ?? '')
    const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
    for (const status of all)
      if (status.state?.running) wrong.push(`${name}: ${status.name} runs in ${pod.status?.phase}`)
  }
  return wrong
}

/** No terminal status and no final delete while a container of the pod lives. */
function stepsAreOrdered({ world, lives, objects }: Played): string[] {
  const wrong: string[] = []
  for (const { step, object, at } of world.trace) {
    if (step !== 'status-written' && step !== 'final-delete') continue
    for (const { name, sandboxId, startedAtMs, finishedAtMs } of lives.values())
      if (objects.get(sandboxId) === object && startedAtMs <= at && at < finishedAtMs)
        wrong.push(`${object}: ${step} while ${name} lives`)
  }
  return wrong
}

/** When all is quiet: deleted pods are gone, nothing is left of them, and who should run does. */
async function nothingIsLeft(world: World): Promise<string[]> {
  const wrong: string[] = []
  const { items } = await world.through(world.client.list(pods))
  const runtime = world.nodes.get('node-1')?.runtime
  const sandboxes = (await runtime?.listSandboxes()) ?? []
  const uids = new Set(items.map((pod) => pod.metadata.uid))
  for (const { config } of sandboxes) if (!uids.has(config.uid)) wrong.push(`a sandbox of ${config.name} is left`)
  for (const pod of items) {
    const { name, deletionTimestamp, uid } = pod.metadata
    if (deletionTimestamp) wrong.push(`${name} is still being deleted`)
    const ids = new Set(sandboxes.filter((s) => s.config.uid === uid).map((s) => s.id))
    const running = ((await runtime?.listContainers()) ?? []).filter(
      (c) => ids.has(c.sandboxId) && c.state === 'running',
    )
    if (over(pod) && running.length > 0) wrong.push(`${name} is ${pod.status?.phase}, but ${running[0]?.name} runs`)
    if (!over(pod) && pod.status?.phase !== 'Running' && !waitsForInit(pod))
      wrong.push(`${name} is ${pod.status?.phase}`)
  }
  return wrong
}

/** An init container that fails, or never ends, keeps its pod Pending. */
const waitsForInit = ({ status }: Pod) => (status?.initContainerStatuses ?? []).some((s) => !s.ready)

describe('random endings', () => {
  for (let seed = 1; seed <= SEEDS; seed++)
    it(`seed ${seed}`, async () => {
      const played = await play(seed)
      const { world } = played
      try {
        const wrong = [
          ...signalsAreFair(world),
          ...terminalStaysTerminal(world),
          ...stepsAreOrdered(played),
          ...(await nothingIsLeft(world)),
        ]
        expect(wrong).toEqual([])
      } finally {
        await world.close()
      }
    })
})
