/**
 * What every runtime must do, as a suite: `runtimeContract('process, bwrap', make)`. Each program is given twice, as a shell
 * script for runtimes of real processes and as data for the simulated one; a runtime takes the one that it understands.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type ContainerConfig,
  type ContainerStatus,
  DEFAULT_SECURITY,
  type Runtime,
  type RuntimeEvent,
  type SandboxConfig,
} from '../runtime.ts'
import type { SimProgram } from './simulated.ts'

export interface ContractProgram {
  readonly script: string
  readonly simulated: SimProgram
}

/** A runtime under test, with a place of its own; closed after each test. */
export interface RuntimeBench {
  readonly runtime: Runtime
  /** Waits for a promise; a simulated runtime lets virtual time pass meanwhile. */
  settle<T>(promise: Promise<T>): Promise<T>
  /** Milliseconds on the runtime's clock. */
  now(): number
  /** What makes the runtime run the program. */
  config(program: ContractProgram): Pick<ContainerConfig, 'image' | 'command'>
  readonly logDirectory: string
  /** Lines that a container has written until now. */
  lines(status: ContainerStatus): readonly string[]
  /** The node process dies and another takes over; undefined where containers do not outlive it. */
  reopen?(): Promise<Runtime>
  /** Rules that cannot hold here, e.g. `RT11` without mounts: said by the bench, not silently. */
  readonly cannot?: readonly string[]
  close(): Promise<void>
}

const READY = { atMs: 0, line: 'up' }
const WAIT = 'while :; do sleep 3600 & wait $!; done'

const PROGRAMS = {
  exits3: { script: 'echo up; exit 3', simulated: { exitAfterMs: 1, exitCode: 3, logs: [READY] } },
  handles: {
    script: `trap 'echo TERM; exit 0' TERM; echo up; ${WAIT}`,
    simulated: { onSignal: { SIGTERM: { exit: 0, lines: ['TERM'] } }, logs: [READY] },
  },
  ignores: {
    script: `trap 'echo TERM' TERM; echo up; ${WAIT}`,
    simulated: { onSignal: { SIGTERM: { lines: ['TERM'] } }, logs: [READY] },
  },
  bare: { script: 'echo up; while :; do sleep 1; done', simulated: { logs: [READY] } },
  lastWords: {
    script: 'echo up; printf bye > /dev/termination-log; exit 1',
    simulated: { exitAfterMs: 1, exitCode: 1, lastWords: 'bye', logs: [READY] },
  },
  slowCommand: {
    script: `trap 'exit 0' TERM; echo up; ${WAIT}`,
    simulated: {
      onSignal: { SIGTERM: { exit: 0 } },
      logs: [READY],
      commands: {
        'sh -c echo out; echo err >&2; exit 7': { exitCode: 7, stdout: 'out\n', stderr: 'err\n' },
        'sleep 30': { exitCode: 0, takesMs: 30_000 },
      },
    },
  },
} satisfies Record<string, ContractProgram>

const SANDBOX: Omit<SandboxConfig, 'logDirectory'> = {
  namespace: 'default',
  name: 'web-1',
  uid: 'b5b6a1c2-0000-4000-8000-000000000001',
  attempt: 0,
  hostname: 'web-1',
  hostsNames: ['web-1'],
  labels: {},
  shareProcessNamespace: false,
  hostNetwork: false,
  dns: { servers: [], searches: [], options: [] },
  hostAliases: [],
}

/** Runs the suite on what `make` makes: a bench for each test. */
export function runtimeContract(name: string, make: () => Promise<RuntimeBench>): void {
  describe(`runtime contract: ${name}`, () => {
    let bench: RuntimeBench
    let events: RuntimeEvent[]
    beforeEach(async () => {
      bench = await make()
      events = []
      bench.runtime.subscribe((event) => void events.push(event))
    })
    afterEach(() => bench.close())

    const sandbox = (more: Partial<SandboxConfig> = {}) =>
      bench.settle(bench.runtime.runSandbox({ ...SANDBOX, logDirectory: bench.logDirectory, ...more }))

    /** Starts a program and waits for its first line: its handlers are set then. */
    async function start(
      program: ContractProgram,
      more: Partial<ContainerConfig & SandboxConfig> = {},
    ): Promise<string> {
      const { id: sandboxId } = await sandbox(more)
      const id = await bench.settle(
        bench.runtime.createContainer(sandboxId, {
          name: 'app',
          attempt: 0,
          args: [],
          workingDir: '',
          env: [],
          tty: false,
          stdin: false,
          logPath: 'app.log',
          terminationMessagePath: '/dev/termination-log',
          mounts: [],
          security: DEFAULT_SECURITY,
          annotations: { kept: 'yes' },
          ...bench.config(program),
        }),
      )
      await bench.settle(bench.runtime.startContainer(id))
      await lineSeen(id, 'up')
      return id
    }

    const status = (id: string) => bench.settle(bench.runtime.containerStatus(id))
    const stop = (id: string, graceMs: number) => bench.settle(bench.runtime.stopContainer(id, graceMs))

    async function lineSeen(id: string, line: string): Promise<void> {
      while (!bench.lines(await bench.runtime.containerStatus(id)).includes(line)) await pause(5)
    }
    const pause = (ms: number) => bench.settle(new Promise<void>((resolve) => setTimeout(resolve, ms)))
    const exited = async (id: string) => {
      while ((await status(id)).state !== 'exited') await pause(5)
      return status(id)
    }

    it('[RT1] an exit code comes out as the program gave it', async () => {
      expect(await exited(await start(PROGRAMS.exits3))).toMatchObject({ state: 'exited', exitCode: 3 })
    })

    it('[RT2] a handler for the stop signal ends the program before the grace is over', async () => {
      const id = await start(PROGRAMS.handles)
      const since = bench.now()
      await stop(id, 60_000)
      expect(bench.now() - since).toBeLessThan(30_000)
      expect(await status(id)).toMatchObject({ state: 'exited', exitCode: 0 })
      expect(bench.lines(await status(id))).toEqual(['up', 'TERM'])
    })

    it('[RT3] a program that ignores it is killed when the grace is over, not before: 137', async () => {
      const id = await start(PROGRAMS.ignores)
      const since = bench.now()
      await stop(id, 400)
      expect(bench.now() - since).toBeGreaterThanOrEqual(399)
      expect(await status(id)).toMatchObject({ state: 'exited', exitCode: 137, signal: 9 })
    })

    it('[RT4] PID 1 without a handler does not die of the stop signal', async () => {
      const id = await start(PROGRAMS.bare)
      await stop(id, 300)
      expect(await status(id)).toMatchObject({ exitCode: 137 })
    })

    it('[RT5] in a shared PID namespace it does: 143', async () => {
      const id = await start(PROGRAMS.bare, { shareProcessNamespace: true })
      await stop(id, 20_000)
      expect(await status(id)).toMatchObject({ exitCode: 143, signal: 15 })
    })

    it('[RT6] a stop that runs is not shortened by another, and the stop signal is sent once', async () => {
      const id = await start(PROGRAMS.ignores)
      const since = bench.now()
      const first = bench.runtime.stopContainer(id, 800)
      const second = bench.runtime.stopContainer(id, 20_000)
      await bench.settle(Promise.all([first, second]))
      expect(bench.now() - since).toBeGreaterThanOrEqual(799)
      expect(bench.lines(await status(id)).filter((line) => line === 'TERM')).toEqual(['TERM'])
      expect(events.map((e) => (e.type === 'signalled' ? e.signal : e.type))).toEqual([
        'started',
        'SIGTERM',
        'SIGKILL',
        'exited',
      ])
    })

    it('[RT7] grace 0 kills at once; stopping what has ended is no error', async () => {
      const id = await start(PROGRAMS.ignores)
      await stop(id, 0)
      expect(await status(id)).toMatchObject({ exitCode: 137 })
      await stop(id, 1000)
    })

    it('[RT8] stopping the sandbox ends what runs in it, and is idempotent', async () => {
      const id = await start(PROGRAMS.ignores)
      const { sandboxId } = await status(id)
      await bench.settle(bench.runtime.stopSandbox(sandboxId))
      expect(await exited(id)).toMatchObject({ exitCode: 137 })
      await bench.settle(bench.runtime.stopSandbox(sandboxId))
      const [left] = await bench.settle(bench.runtime.listSandboxes())
      expect(left?.state).toBe('notready')
    })

    it('[RT9] exec: exit code and both streams; after the timeout it is killed and says TimeoutError', async () => {
      const id = await start(PROGRAMS.slowCommand)
      const command = ['sh', '-c', 'echo out; echo err >&2; exit 7']
      expect(await bench.settle(bench.runtime.execSync(id, command, 10_000))).toEqual({
        exitCode: 7,
        stdout: 'out\n',
        stderr: 'err\n',
      })
      const late = bench.settle(bench.runtime.execSync(id, ['sleep', '30'], 200))
      await expect(late).rejects.toMatchObject({ name: 'TimeoutError' })
    })

    it('[RT10] exec ends with its container', async () => {
      const id = await start(PROGRAMS.slowCommand)
      const running = bench.runtime.execSync(id, ['sleep', '30'], 60_000).then(
        ({ exitCode }) => exitCode,
        () => 'rejected',
      )
      await stop(id, 20_000)
      expect(await bench.settle(running)).not.toBe(0)
    })

    it('[RT15] exec in a container that has ended is refused, in the words that events show', async () => {
      const id = await start(PROGRAMS.exits3)
      await exited(id)
      await expect(bench.settle(bench.runtime.execSync(id, ['true'], 1000))).rejects.toMatchObject({
        code: 'not-found',
        message: 'failed to exec in container: container is in CONTAINER_EXITED state',
      })
    })

    it('[RT11] last words come out of the termination message file', async (context) => {
      if (bench.cannot?.includes('RT11')) context.skip('this runtime mounts nothing')
      const id = await start(PROGRAMS.lastWords)
      await exited(id)
      expect(await bench.settle(bench.runtime.terminationMessage(id))).toBe('bye')
    })

    it('[RT12] events come in the order in which things happened, with times that do not go back', async () => {
      const id = await start(PROGRAMS.handles)
      await stop(id, 20_000)
      expect(events.map((e) => e.type)).toEqual(['started', 'signalled', 'exited'])
      const { startedAtMs = 0, finishedAtMs = 0 } = await status(id)
      expect(finishedAtMs).toBeGreaterThanOrEqual(startedAtMs)
    })

    it('[RT13] lists know ended containers until they are removed, with their annotations', async () => {
      const id = await start(PROGRAMS.exits3)
      await exited(id)
      const listed = await bench.settle(bench.runtime.listContainers())
      expect(listed.map((c) => [c.id, c.state, c.annotations])).toEqual([[id, 'exited', { kept: 'yes' }]])
      await bench.settle(bench.runtime.removeContainer(id))
      expect(await bench.settle(bench.runtime.listContainers())).toEqual([])
      await expect(bench.settle(bench.runtime.containerStatus(id))).rejects.toMatchObject({ code: 'not-found' })
    })

    it('[RT14] a container outlives the node process; the next one adopts it, and sends no second stop signal', async () => {
      if (!bench.reopen) return
      const id = await start(PROGRAMS.ignores)
      void bench.runtime.stopContainer(id, 60_000).catch(() => {})
      await lineSeen(id, 'TERM')
      const next = await bench.settle(bench.reopen())
      expect((await bench.settle(next.listContainers())).map((c) => [c.id, c.state])).toEqual([[id, 'running']])
      await bench.settle(next.stopContainer(id, 300))
      const ended = await bench.settle(next.containerStatus(id))
      expect(ended).toMatchObject({ exitCode: 137, annotations: { kept: 'yes' } })
      expect(bench.lines(ended).filter((line) => line === 'TERM')).toEqual(['TERM'])
    })
  })
}
