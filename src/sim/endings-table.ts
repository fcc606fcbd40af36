/**
 * Endings as data: programs, what is done to their pod, and what must come of it, to the millisecond of virtual time after the
 * first deletion. The numbers are those of golden/termination, without the noise of real machines. Adding a case needs no code.
 */
import type { PodSpec } from '../api/types/core-v1.gen.ts'
import type { SimProgram } from '../kubelet/runtimes/simulated.ts'

export interface Ending {
  /** The scenario of golden/termination that it follows, if there is one. */
  readonly name: string
  readonly spec: PodSpec
  readonly programs: Readonly<Record<string, SimProgram | ((attempt: number) => SimProgram)>>
  /** Deletions by time; `grace` undefined: the pod's own. Without any the pod ends by itself, and times count from its start. */
  readonly deletes?: readonly { readonly atMs: number; readonly grace?: number }[]
  /** When the node's process crashes and comes back. */
  readonly crash?: { readonly atMs: number; readonly backAtMs: number }
  /** `ms step container what`: signals, hooks and exits in the order in which they happen. */
  readonly steps: readonly string[]
  /** Phase of the last status; undefined: the object was gone before there was one. */
  readonly phase?: 'Succeeded' | 'Failed'
  /** Reason of the conditions Ready and ContainersReady in the last status. */
  readonly ready?: string
  /** `container exitCode reason`, of the last status. */
  readonly states?: readonly string[]
  /** `reason: message`, of events since the first deletion, in any order. */
  readonly events?: readonly string[]
  /** When the object is gone, in ms; undefined: it stays. */
  readonly goneAtMs?: number
}

export const stubborn: SimProgram = { onSignal: { SIGTERM: 'ignore' } }
export const quick: SimProgram = { onSignal: { SIGTERM: { exit: 0 } } }
export const within = (afterMs: number, exit = 0): SimProgram => ({ onSignal: { SIGTERM: { exit, afterMs } } })
const bare: SimProgram = {}
export const app = (more: object = {}) => ({ name: 'app', image: 'app:1', ...more })
export const exec = (command: string) => ({ exec: { command: command.split(' ') } })
export const sleep = (seconds: number) => ({ sleep: { seconds } })

export const once = [{ atMs: 0 }]

export const ENDINGS: readonly Ending[] = [
  {
    name: '01 handler exits 0 after 1 s',
    spec: { containers: [app()] },
    programs: { 'app:1': within(1000) },
    deletes: once,
    steps: ['0 SIGTERM app', '1000 exit app 0'],
    phase: 'Succeeded',
    ready: 'PodCompleted',
    states: ['app 0 Completed'],
    events: ['Killing: Stopping container app'],
    goneAtMs: 1000,
  },
  {
    name: '02 TERM ignored, grace 2',
    spec: { terminationGracePeriodSeconds: 2, containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: once,
    steps: ['0 SIGTERM app', '2000 SIGKILL app', '2000 exit app 137'],
    phase: 'Failed',
    ready: 'PodFailed',
    states: ['app 137 Error'],
    goneAtMs: 2000,
  },
  {
    name: '04 TERM ignored, default grace',
    spec: { containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: once,
    steps: ['0 SIGTERM app', '30000 SIGKILL app', '30000 exit app 137'],
    phase: 'Failed',
    goneAtMs: 30_000,
  },
  {
    name: '05 PID 1 without a handler',
    spec: { terminationGracePeriodSeconds: 3, containers: [app()] },
    programs: { 'app:1': bare },
    deletes: once,
    steps: ['0 SIGTERM app', '3000 SIGKILL app', '3000 exit app 137'],
    phase: 'Failed',
    goneAtMs: 3000,
  },
  {
    name: '07 shared PID namespace: TERM without a handler kills',
    spec: { terminationGracePeriodSeconds: 10, shareProcessNamespace: true, containers: [app()] },
    programs: { 'app:1': bare },
    deletes: once,
    steps: ['0 SIGTERM app', '0 exit app 143'],
    phase: 'Failed',
    states: ['app 143 Error'],
    goneAtMs: 0,
  },
  {
    name: '11 requested grace 1: the floor is 2 s',
    spec: { containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [{ atMs: 0, grace: 1 }],
    steps: ['0 SIGTERM app', '2000 SIGKILL app', '2000 exit app 137'],
    phase: 'Failed',
    goneAtMs: 2000,
  },
  {
    name: '12 requested grace longer than the spec',
    spec: { terminationGracePeriodSeconds: 2, containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [{ atMs: 0, grace: 6 }],
    steps: ['0 SIGTERM app', '6000 SIGKILL app', '6000 exit app 137'],
    phase: 'Failed',
    goneAtMs: 6000,
  },
  {
    name: '14 forced: the object goes at once, the program 2 s later',
    spec: { containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [{ atMs: 0, grace: 0 }],
    steps: ['0 SIGTERM app', '2000 SIGKILL app', '2000 exit app 137'],
    events: ['Killing: Stopping container app'],
    goneAtMs: 0,
  },
  {
    name: '15 forced while ending: the first grace goes on',
    spec: { terminationGracePeriodSeconds: 20, containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [{ atMs: 0 }, { atMs: 2000, grace: 0 }],
    steps: ['0 SIGTERM app', '20000 SIGKILL app', '20000 exit app 137'],
    goneAtMs: 2000,
  },
  {
    name: '16 shrunk grace: the running kill is not hurried',
    spec: { containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [
      { atMs: 0, grace: 20 },
      { atMs: 2000, grace: 2 },
    ],
    steps: ['0 SIGTERM app', '20000 SIGKILL app', '20000 exit app 137'],
    phase: 'Failed',
    goneAtMs: 20_000,
  },
  {
    name: '17 grace cannot be extended',
    spec: { containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [
      { atMs: 0, grace: 3 },
      { atMs: 1000, grace: 20 },
    ],
    steps: ['0 SIGTERM app', '3000 SIGKILL app', '3000 exit app 137'],
    phase: 'Failed',
    goneAtMs: 3000,
  },
  {
    name: '30 preStop exec of 1 s, then TERM',
    spec: {
      terminationGracePeriodSeconds: 10,
      containers: [app({ lifecycle: { preStop: exec('drain') } })],
    },
    programs: { 'app:1': { ...quick, commands: { drain: { exitCode: 0, takesMs: 1000 } } } },
    deletes: once,
    steps: ['0 prestop-started app', '1000 prestop-ended app true', '1000 SIGTERM app', '1000 exit app 0'],
    phase: 'Succeeded',
    events: ['Killing: Stopping container app'],
    goneAtMs: 1000,
  },
  {
    name: '31 preStop fails: TERM follows at once',
    spec: { terminationGracePeriodSeconds: 10, containers: [app({ lifecycle: { preStop: exec('drain') } })] },
    programs: { 'app:1': { ...quick, commands: { drain: { exitCode: 3 } } } },
    deletes: once,
    steps: ['0 prestop-started app', '0 prestop-ended app false', '0 SIGTERM app', '0 exit app 0'],
    phase: 'Succeeded',
    events: ['Killing: Stopping container app', 'FailedPreStopHook: PreStopHook failed'],
    goneAtMs: 0,
  },
  {
    name: '32 preStop uses up the grace: TERM at its end, KILL 2 s later',
    spec: { terminationGracePeriodSeconds: 3, containers: [app({ lifecycle: { preStop: exec('drain') } })] },
    programs: { 'app:1': { ...stubborn, commands: { drain: { exitCode: 0, takesMs: 30_000 } } } },
    deletes: once,
    steps: [
      '0 prestop-started app',
      '3000 SIGTERM app',
      '5000 SIGKILL app',
      '5000 exit app 137',
      '5000 prestop-ended app false',
    ],
    phase: 'Failed',
    events: ['Killing: Stopping container app', 'FailedPreStopHook: PreStopHook failed'],
    goneAtMs: 5000,
  },
  {
    name: '35 preStop sleep counts against the grace',
    spec: { terminationGracePeriodSeconds: 5, containers: [app({ lifecycle: { preStop: sleep(2) } })] },
    programs: { 'app:1': stubborn },
    deletes: once,
    steps: [
      '0 prestop-started app',
      '2000 prestop-ended app true',
      '2000 SIGTERM app',
      '5000 SIGKILL app',
      '5000 exit app 137',
    ],
    phase: 'Failed',
    goneAtMs: 5000,
  },
  {
    name: '39 preStop with a forced delete: 1 s for the hook, 2 s for the program',
    spec: { containers: [app({ lifecycle: { preStop: exec('drain') } })] },
    programs: { 'app:1': { ...stubborn, commands: { drain: { exitCode: 0, takesMs: 30_000 } } } },
    deletes: [{ atMs: 0, grace: 0 }],
    steps: [
      '0 prestop-started app',
      '1000 SIGTERM app',
      '3000 SIGKILL app',
      '3000 exit app 137',
      '3000 prestop-ended app false',
    ],
    events: ['Killing: Stopping container app', 'FailedPreStopHook: PreStopHook failed'],
    goneAtMs: 0,
  },
  {
    name: 'shrunk grace while preStop runs: the first grace goes on',
    spec: { containers: [app({ lifecycle: { preStop: sleep(6) } })] },
    programs: { 'app:1': stubborn },
    deletes: [
      { atMs: 0, grace: 10 },
      { atMs: 2000, grace: 3 },
    ],
    steps: [
      '0 prestop-started app',
      '6000 prestop-ended app true',
      '6000 SIGTERM app',
      '10000 SIGKILL app',
      '10000 exit app 137',
    ],
    phase: 'Failed',
    goneAtMs: 10_000,
  },
  {
    name: '50 two containers: TERM to both at once, the pod ends with the last',
    spec: {
      terminationGracePeriodSeconds: 4,
      containers: [
        { name: 'a', image: 'a:1' },
        { name: 'b', image: 'b:1' },
      ],
    },
    programs: { 'a:1': within(1000), 'b:1': stubborn },
    deletes: once,
    steps: ['0 SIGTERM a', '0 SIGTERM b', '1000 exit a 0', '4000 SIGKILL b', '4000 exit b 137'],
    phase: 'Failed',
    ready: 'PodFailed',
    states: ['a 0 Completed', 'b 137 Error'],
    events: ['Killing: Stopping container a', 'Killing: Stopping container b'],
    goneAtMs: 4000,
  },
  {
    name: '51 one of two has a preStop: the other does not wait for it',
    spec: {
      terminationGracePeriodSeconds: 10,
      containers: [
        { name: 'a', image: 'a:1', lifecycle: { preStop: sleep(2) } },
        { name: 'b', image: 'a:1' },
      ],
    },
    programs: { 'a:1': quick },
    deletes: once,
    steps: [
      '0 prestop-started a',
      '0 SIGTERM b',
      '0 exit b 0',
      '2000 prestop-ended a true',
      '2000 SIGTERM a',
      '2000 exit a 0',
    ],
    phase: 'Succeeded',
    goneAtMs: 2000,
  },
  {
    name: '52 deleted during init: Failed, the main container never began',
    spec: {
      terminationGracePeriodSeconds: 3,
      initContainers: [{ name: 'init', image: 'init:1' }],
      containers: [app()],
    },
    programs: { 'init:1': stubborn, 'app:1': quick },
    deletes: once,
    steps: ['0 SIGTERM init', '3000 SIGKILL init', '3000 exit init 137'],
    phase: 'Failed',
    ready: 'ContainersNotReady',
    states: ['init 137 Error', 'app waiting PodInitializing'],
    goneAtMs: 3000,
  },
  {
    name: 'deleted during init that exits 0: Failed all the same',
    spec: { initContainers: [{ name: 'init', image: 'init:1' }], containers: [app()] },
    programs: { 'init:1': within(500), 'app:1': quick },
    deletes: once,
    steps: ['0 SIGTERM init', '500 exit init 0'],
    phase: 'Failed',
    states: ['init 0 Completed', 'app 137 ContainerStatusUnknown'],
    goneAtMs: 500,
  },
  {
    name: '54 sidecars end after the main container, in reverse order',
    spec: {
      terminationGracePeriodSeconds: 15,
      initContainers: [
        { name: 's1', image: 's:1', restartPolicy: 'Always' },
        { name: 's2', image: 's:1', restartPolicy: 'Always' },
      ],
      containers: [app()],
    },
    programs: { 'app:1': within(2000), 's:1': within(500) },
    deletes: once,
    steps: [
      '0 SIGTERM app',
      '2000 exit app 0',
      '2000 SIGTERM s2',
      '2500 exit s2 0',
      '2500 SIGTERM s1',
      '3000 exit s1 0',
    ],
    phase: 'Succeeded',
    states: ['s1 0 Completed', 's2 0 Completed', 'app 0 Completed'],
    events: ['Killing: Stopping container app', 'Killing: Stopping container s1', 'Killing: Stopping container s2'],
    goneAtMs: 3000,
  },
  {
    name: '55 the main container uses up the grace: sidecars get TERM together, KILL 2 s later',
    spec: {
      terminationGracePeriodSeconds: 4,
      initContainers: [
        { name: 's1', image: 's:1', restartPolicy: 'Always' },
        { name: 's2', image: 's:1', restartPolicy: 'Always' },
      ],
      containers: [app()],
    },
    programs: { 'app:1': stubborn, 's:1': stubborn },
    deletes: once,
    steps: [
      '0 SIGTERM app',
      '4000 SIGKILL app',
      '4000 exit app 137',
      '4000 SIGTERM s1',
      '4000 SIGTERM s2',
      '6000 SIGKILL s1',
      '6000 exit s1 137',
      '6000 SIGKILL s2',
      '6000 exit s2 137',
    ],
    phase: 'Failed',
    goneAtMs: 6000,
  },
  {
    name: '57 restartPolicy Never: the main container is done, the sidecar is ended',
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 10,
      initContainers: [{ name: 's1', image: 's:1', restartPolicy: 'Always' }],
      containers: [app()],
    },
    programs: { 'app:1': { exitAfterMs: 3000 }, 's:1': within(1000) },
    steps: ['3000 exit app 0', '3000 SIGTERM s1', '4000 exit s1 0'],
    phase: 'Succeeded',
    ready: 'PodCompleted',
    states: ['s1 0 Completed', 'app 0 Completed'],
    events: ['Killing: Stopping container s1'],
  },
  {
    name: '61 an image that is not there: never started',
    spec: { terminationGracePeriodSeconds: 10, containers: [{ name: 'app', image: 'missing:1' }] },
    programs: {},
    deletes: [{ atMs: 500 }],
    steps: [],
    phase: 'Failed',
    ready: 'ContainersNotReady',
    states: ['app 137 ContainerStatusUnknown'],
    goneAtMs: 0,
  },
  {
    name: '68 restartPolicy OnFailure: fails once, then exits 0',
    spec: { restartPolicy: 'OnFailure', containers: [app()] },
    programs: { 'app:1': (attempt) => ({ exitAfterMs: 100, exitCode: attempt === 0 ? 1 : 0 }) },
    steps: ['100 exit app 1', '200 exit app 0'],
    phase: 'Succeeded',
    ready: 'PodCompleted',
    states: ['app 0 Completed'],
  },
  {
    name: '69 restartPolicy Never, two containers, one fails',
    spec: {
      restartPolicy: 'Never',
      containers: [
        { name: 'a', image: 'a:1' },
        { name: 'b', image: 'b:1' },
      ],
    },
    programs: { 'a:1': { exitAfterMs: 1000 }, 'b:1': { exitAfterMs: 2000, exitCode: 5 } },
    steps: ['1000 exit a 0', '2000 exit b 5'],
    phase: 'Failed',
    ready: 'PodFailed',
    states: ['a 0 Completed', 'b 5 Error'],
  },
  {
    name: '74 activeDeadlineSeconds: the pod fails for it',
    spec: { activeDeadlineSeconds: 4, terminationGracePeriodSeconds: 2, containers: [app()] },
    programs: { 'app:1': stubborn },
    steps: ['4000 SIGTERM app', '6000 SIGKILL app', '6000 exit app 137'],
    phase: 'Failed',
    ready: 'PodFailed',
    states: ['app 137 Error'],
  },
  {
    name: '150 the node process restarts in mid-grace: the grace again in full, no second TERM, preStop again',
    spec: { terminationGracePeriodSeconds: 12, containers: [app({ lifecycle: { preStop: sleep(1) } })] },
    programs: { 'app:1': stubborn },
    deletes: once,
    crash: { atMs: 2000, backAtMs: 5000 },
    steps: [
      '0 prestop-started app',
      '1000 prestop-ended app true',
      '1000 SIGTERM app',
      '5000 prestop-started app',
      '6000 prestop-ended app true',
      '17000 SIGKILL app',
      '17000 exit app 137',
    ],
    phase: 'Failed',
    events: ['Killing: Stopping container app', 'Killing: Stopping container app'],
    goneAtMs: 17_000,
  },
  {
    name: '153 deleted while the node process is away: the grace begins when it is back',
    spec: { terminationGracePeriodSeconds: 3, containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [{ atMs: 500 }],
    crash: { atMs: 0, backAtMs: 8000 },
    steps: ['7500 SIGTERM app', '10500 SIGKILL app', '10500 exit app 137'],
    phase: 'Failed',
    goneAtMs: 10_500,
  },
  {
    name: '152 force-deleted while the node process is away: an orphan gets the shortest grace',
    spec: { containers: [app()] },
    programs: { 'app:1': stubborn },
    deletes: [{ atMs: 500, grace: 0 }],
    crash: { atMs: 0, backAtMs: 8000 },
    steps: ['7500 SIGTERM app', '9500 SIGKILL app', '9500 exit app 137'],
    events: ['Killing: Stopping container app'],
    goneAtMs: 0,
  },
]
