import { describe, expect, it } from 'vitest'
import type { Container, PodSpec } from '../api/types/core-v1.gen.ts'
import { type Action, plan } from './plan.ts'
import { type ContainerView, type End, kindOf, type PodView, type Run } from './pod-view.ts'

const NOW = 1_000_000

function run(more: Partial<Run> = {}): Run {
  return { attempt: 0, id: 'id', state: 'running', image: 'i', imageId: 'i', startedAtMs: 0, ...more }
}

const ended = (exitCode: number, more: Partial<Run> = {}): Run =>
  run({ state: 'exited', exitCode, finishedAtMs: NOW, ...more })

type ContainerMore = Omit<Partial<ContainerView>, 'spec'> & { readonly spec?: Partial<Container> }

function container(name: string, more: ContainerMore = {}): ContainerView {
  const spec = { name, ...more.spec }
  return {
    name,
    allocated: undefined,
    run: undefined,
    previous: undefined,
    starting: false,
    waiting: undefined,
    started: false,
    ready: false,
    unhealthy: undefined,
    end: undefined,
    backOff: undefined,
    ...more,
    kind: more.kind ?? kindOf(spec, false),
    spec,
  }
}

const living = (name: string, more: ContainerMore = {}) =>
  container(name, { run: run(), started: true, ready: true, ...more })
const sidecar = (name: string, more: ContainerMore = {}) =>
  living(name, { kind: 'sidecar', ...more, spec: { restartPolicy: 'Always', ...more.spec } })
const preStop = { lifecycle: { preStop: { sleep: { seconds: 1 } } } }
const end = (more: Partial<End> = {}): End => ({
  sinceMs: NOW,
  graceMs: 30_000,
  hook: 'none',
  signalled: false,
  ...more,
})

interface PodMore extends Partial<Omit<PodView, 'pod' | 'containers'>> {
  readonly spec?: Partial<PodSpec>
  /** Deleted with this grace, in seconds. */
  readonly deleted?: number
}

function pod(containers: readonly ContainerView[], { spec, deleted, ...more }: PodMore = {}): PodView {
  const deletion = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: deleted ?? 0 }
  return {
    pod: {
      metadata: { name: 'p', namespace: 'default', uid: 'u', ...(deleted === undefined ? {} : deletion) },
      spec: { containers: [], ...spec },
    },
    removed: false,
    shutdown: false,
    startedAtMs: NOW,
    volumes: { state: 'ready' },
    sandbox: { state: 'ready', ip: '10.0.0.1' },
    containers,
    terminalStatus: 'none',
    finalDelete: 'none',
    cleanUp: 'none',
    passing: false,
    overdue: false,
    ...more,
  }
}

/** `do container details`, sorted by nothing: the order matters. */
function texts(actions: readonly Action[]): string[] {
  return actions.map((action) => {
    const { do: verb, ...rest } = action
    return [verb, ...Object.values(rest)].join(' ')
  })
}

const planned = (view: PodView, nowMs = NOW) => texts(plan(view, nowMs))

describe('the end', () => {
  it('[PE1] all containers begin at once: signal, or preStop first; sidecars wait their turn', () => {
    const view = pod([sidecar('s'), living('a'), living('b', { spec: preStop })], { deleted: 10 })
    expect(planned(view)).toEqual([
      'begin-end s 10000 deleted',
      `wake ${NOW + 10_000}`,
      'stop a 10000',
      'begin-end a 10000 deleted',
      'begin-end b 10000 deleted',
      'pre-stop b 10000',
      `wake ${NOW + 10_000}`,
    ])
  })

  it.each([
    ['the API decided', { deleted: 7 }, 7000],
    ["the pod's own without one", { deleted: 30 }, 30_000],
    ['forced: the least', { deleted: 0 }, 2000],
    ['gone from the API', { removed: true, deleted: 20 }, 2000],
    ['the node goes down', { shutdown: true, spec: { terminationGracePeriodSeconds: 9 } }, 9000],
    ['deadline', { spec: { activeDeadlineSeconds: 0, terminationGracePeriodSeconds: 5 } }, 5000],
    ['the default', { shutdown: true }, 30_000],
  ])('[PE2] grace: %s', (_, more, graceMs) => {
    expect(planned(pod([living('a')], more))[0]).toBe(`stop a ${graceMs}`)
  })

  it('[PE3] after preStop the signal follows with what is left', () => {
    const view = pod([living('a', { spec: preStop, end: end({ graceMs: 5000, hook: 'done' }) })], { deleted: 5 })
    expect(planned(view, NOW + 2000)).toEqual(['stop a 3000'])
  })

  it('[PE4] while preStop runs there is no signal before the grace is used up; then there are 2 s', () => {
    const view = pod([living('a', { spec: preStop, end: end({ graceMs: 3000, hook: 'running' }) })], { deleted: 3 })
    expect(planned(view, NOW + 2999)).toEqual([`wake ${NOW + 3000}`])
    expect(planned(view, NOW + 3000)).toEqual(['stop a 2000'])
  })

  it('[PE5] an end that has begun keeps its grace; what the runtime was told is not told again', () => {
    const running = end({ graceMs: 20_000, hook: 'running' })
    const view = pod([living('a', { spec: preStop, end: running }), living('b', { end: end({ signalled: true }) })], {
      deleted: 2,
    })
    expect(planned(view, NOW + 5000)).toEqual([`wake ${NOW + 20_000}`])
  })

  it('[PE7] a sidecar gets the signal when mains and later sidecars have ended, or the grace is used up', () => {
    const begun = { end: end({ graceMs: 4000 }) }
    const both = (a: ContainerView, s2: ContainerView) => pod([sidecar('s1', begun), s2, a], { deleted: 4 })
    const gone = container('a', { run: ended(0) })
    const s2 = sidecar('s2', begun)
    expect(planned(both(living('a', { end: end({ signalled: true }) }), s2), NOW + 1000)).toEqual([
      `wake ${NOW + 4000}`,
      `wake ${NOW + 4000}`,
    ])
    expect(planned(both(gone, s2), NOW + 1000)).toEqual([`wake ${NOW + 4000}`, 'stop s2 3000'])
    const s2Gone = container('s2', { kind: 'sidecar', run: ended(0), spec: { restartPolicy: 'Always' } })
    expect(planned(both(gone, s2Gone), NOW + 1000)).toEqual(['stop s1 3000'])
    expect(planned(both(living('a', { end: end({ signalled: true }) }), s2), NOW + 4000)).toEqual([
      'stop s1 2000',
      'stop s2 2000',
    ])
  })

  it('[PE8] a pass that has begun is finished first: starts, and what a probe has ended with its new life', () => {
    const passing = { deleted: 5, passing: true }
    const b = container('b')
    expect(planned(pod([living('a', { starting: true }), b], passing))).toEqual([])
    expect(planned(pod([living('a'), b], passing))).toEqual(['start b 0'])
    expect(planned(pod([living('a'), b], { deleted: 5 }))).toEqual(['stop a 5000', 'begin-end a 5000 deleted'])
    const killed = { unhealthy: 'liveness', end: end({ signalled: true }) } as const
    expect(planned(pod([living('a', killed), living('b')], passing))).toEqual([])
    expect(planned(pod([container('a', { ...killed, run: ended(0) }), living('b')], passing))).toEqual(['start a 1'])
    const init = living('i', { kind: 'init' })
    expect(planned(pod([init, b], passing))).toEqual(['stop i 5000', 'begin-end i 5000 deleted'])
    const never = { ...passing, spec: { restartPolicy: 'Never' } }
    expect(planned(pod([container('a', { ...killed, run: ended(0) }), living('b')], never))).toEqual([
      'stop b 5000',
      'begin-end b 5000 deleted',
    ])
  })

  it('[PE8] a node that goes down gives starts up', () => {
    expect(planned(pod([container('a', { starting: true })], { shutdown: true, passing: true }))).toEqual([
      'give-up-starts',
    ])
  })

  it('[PE9] then the sandbox, the status once, the final delete once', () => {
    const over = [container('a', { run: ended(0) })]
    const stopped = { deleted: 5, sandbox: { state: 'stopped' } } as const
    expect(planned(pod(over, { deleted: 5 }))).toEqual(['stop-sandbox'])
    expect(planned(pod(over, { deleted: 5, sandbox: { state: 'stopping' } }))).toEqual([])
    expect(planned(pod(over, stopped))).toEqual(['write-terminal-status'])
    expect(planned(pod(over, { ...stopped, terminalStatus: 'writing' }))).toEqual([])
    expect(planned(pod(over, { ...stopped, terminalStatus: 'written' }))).toEqual(['final-delete'])
    expect(planned(pod(over, { ...stopped, terminalStatus: 'written', finalDelete: 'sent' }))).toEqual([])
    expect(planned(pod(over, { ...stopped, removed: true }))).toEqual(['clean-up'])
  })

  it('[PE9] a pod that is over and not deleted stays', () => {
    const view = pod([container('a', { run: ended(0) })], {
      spec: { restartPolicy: 'Never' },
      sandbox: { state: 'stopped' },
      terminalStatus: 'written',
    })
    expect(planned(view)).toEqual([])
  })

  it('[PE13] the main container is done for good: the sidecar is ended', () => {
    const view = pod([sidecar('s'), container('a', { run: ended(0) })], { spec: { restartPolicy: 'OnFailure' } })
    expect(planned(view)).toEqual(['stop s 30000', 'begin-end s 30000 finished'])
  })
})

describe('the life', () => {
  it('[PL1] volumes, sandbox, containers', () => {
    const none = { sandbox: { state: 'none' }, volumes: { state: 'none' } } as const
    expect(planned(pod([container('a')], none))).toEqual(['mount'])
    expect(planned(pod([container('a')], { ...none, volumes: { state: 'failed', retryAtMs: NOW + 5 } }))).toEqual([
      `wake ${NOW + 5}`,
    ])
    expect(planned(pod([container('a')], { ...none, volumes: { state: 'ready' } }))).toEqual(['run-sandbox'])
    expect(planned(pod([container('a')]))).toEqual(['start a 0'])
  })

  it('[PL2] init containers in order, sidecars until started, then mains one at a time', () => {
    const init = (more = {}) => container('i', { kind: 'init', ...more })
    const side = (more = {}) => container('s', { kind: 'sidecar', spec: { restartPolicy: 'Always' }, ...more })
    const mains = [container('a'), container('b')]
    expect(planned(pod([init(), side(), ...mains]))).toEqual(['start i 0'])
    expect(planned(pod([init({ run: run() }), side(), ...mains]))).toEqual([])
    expect(planned(pod([init({ run: ended(0) }), side(), ...mains]))).toEqual(['start s 0'])
    expect(planned(pod([init({ run: ended(0) }), side({ run: run() }), ...mains]))).toEqual([])
    expect(planned(pod([init({ run: ended(0) }), sidecar('s'), ...mains]))).toEqual(['start a 0'])
    expect(
      planned(
        pod([init({ run: ended(0) }), sidecar('s'), container('a', { starting: true }), mains[1] as ContainerView]),
      ),
    ).toEqual([])
    expect(planned(pod([init({ run: ended(0) }), sidecar('s'), living('a'), mains[1] as ContainerView]))).toEqual([
      'start b 0',
    ])
  })

  it('[PL2] one that waits for its image does not hold up the others', () => {
    const waiting = { reason: 'ImagePullBackOff', untilMs: NOW + 10_000 }
    expect(planned(pod([container('a', { waiting }), container('b')]))).toEqual([`wake ${NOW + 10_000}`, 'start b 0'])
  })

  it('[PL3] the first restart is at once, the next after the back-off', () => {
    expect(planned(pod([container('a', { run: ended(1) })]))).toEqual(['start a 1'])
    const again = container('a', {
      run: ended(1, { attempt: 1 }),
      backOff: { delayMs: 10_000, raisedAtMs: NOW - 1000 },
    })
    expect(planned(pod([again]))).toEqual([`back-off a 10000 ${NOW + 10_000}`, `wake ${NOW + 10_000}`])
    expect(planned(pod([again]), NOW + 10_000)).toEqual(['start a 2'])
    const shown = { ...again, waiting: { reason: 'CrashLoopBackOff', untilMs: NOW + 10_000 } }
    expect(planned(pod([shown]))).toEqual([`wake ${NOW + 10_000}`])
    const long = container('a', { run: ended(1), backOff: { delayMs: 300_000, raisedAtMs: NOW - 600_001 } })
    expect(planned(pod([long]))).toEqual(['start a 1'])
  })

  it.each([
    ['Always', {}, 0, true],
    ['OnFailure', {}, 0, false],
    ['OnFailure', {}, 1, true],
    ['Never', {}, 1, false],
    ['Never', { restartPolicy: 'OnFailure' }, 1, true],
    ['Never', { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }, 42, true],
    [
      'Never',
      { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [42] } }] },
      42,
      false,
    ],
  ])('[PL3] restartPolicy %s, container %o, exit %i: restarts %s', (restartPolicy, spec, code, restarts) => {
    const view = pod([container('a', { run: ended(code), spec })], { spec: { restartPolicy } })
    expect(planned(view)).toEqual(restarts ? ['start a 1'] : ['stop-sandbox'])
  })

  it.each([
    ['Always', 'liveness', true],
    ['OnFailure', 'startup', true],
    ['OnFailure', 'post-start', false],
    ['Never', 'liveness', false],
    ['Never', 'changed', true],
  ] as const)(
    '[PL5] restartPolicy %s, ended because of %s with 0: restarts %s',
    (restartPolicy, unhealthy, restarts) => {
      const view = pod([container('a', { run: ended(0), unhealthy })], { spec: { restartPolicy } })
      expect(planned(view)).toEqual(restarts ? ['start a 1'] : ['stop-sandbox'])
    },
  )

  it('[PL5] what a probe has ended starts at once, unless the end of the life before is too near', () => {
    const killed = (previousAgoMs: number) =>
      container('a', {
        run: ended(0, { attempt: 2 }),
        previous: ended(0, { attempt: 1, finishedAtMs: NOW - previousAgoMs }),
        backOff: { delayMs: 10_000, raisedAtMs: NOW - previousAgoMs },
        unhealthy: 'liveness',
      })
    expect(planned(pod([killed(10_000)]))).toEqual(['start a 3'])
    expect(planned(pod([killed(9_999)]), NOW + 1)[0]).toBe(`back-off a 10000 ${NOW + 10_000}`)
  })

  it('[PL4] a failed init container under Never ends the pod', () => {
    const view = pod([container('i', { kind: 'init', run: ended(3) }), container('a')], {
      spec: { restartPolicy: 'Never' },
    })
    expect(planned(view)).toEqual(['stop-sandbox'])
  })

  it("[PL5] an unhealthy container ends with the probe's grace, preStop first", () => {
    const livenessProbe = { terminationGracePeriodSeconds: 4 }
    expect(planned(pod([living('a', { unhealthy: 'liveness', spec: { livenessProbe } })]))).toEqual([
      'stop a 4000',
      'begin-end a 4000 liveness',
    ])
    expect(planned(pod([living('a', { unhealthy: 'startup', spec: { livenessProbe, ...preStop } })]))).toEqual([
      'begin-end a 30000 startup',
      'pre-stop a 30000',
      `wake ${NOW + 30_000}`,
    ])
  })

  it('[PE12] wakes for the deadline', () => {
    expect(planned(pod([living('a')], { spec: { activeDeadlineSeconds: 4 } }))).toEqual([`wake ${NOW + 4000}`])
  })

  it('a lost sandbox: what runs ends, then a new one is made', () => {
    expect(planned(pod([living('a')], { sandbox: { state: 'lost' } }))).toEqual([
      'stop a 2000',
      'begin-end a 1000 sandbox-lost',
    ])
    expect(planned(pod([container('a', { run: ended(137) })], { sandbox: { state: 'lost' } }))).toEqual(['run-sandbox'])
  })
})
