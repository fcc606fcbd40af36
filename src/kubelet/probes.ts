/**
 * The probes of one life of one container. Startup first; readiness and liveness once it passed. Kubernetes' rules: the first
 * probe after initialDelaySeconds, then each periodSeconds; failureThreshold and successThreshold in a row change the result;
 * a probe that could not be run changes nothing.
 */
import type { Container, Probe } from '../api/types/core-v1.gen.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { httpTarget, type Prober, portNumber } from './prober.ts'
import { type ContainerId, type Runtime, rpcWords } from './runtime.ts'

/** Characters of a probe's output in an event. */
const OUTPUT_CHARS_MAX = 10 * 1024

/**
 * A probe by exec comes this long after the start at the soonest, in ms: setting one up takes a real runtime as long, and the
 * program's shell has begun by then. Probes over the network come at once: a server need not listen yet (as recorded, 131).
 */
const FIRST_EXEC_MS = 50
/** The probes of one container do not tick together: recorded ones are about this far apart, in ms. */
const LIVENESS_OFFSET_MS = 500

/**
 * Kubernetes' probes go on until the sandbox of an ending pod is stopped: recorded 150 to 700 ms after its last container's end.
 * Here that takes a few ms; what would have been due in this time, in ms, is probed at once, and meets the ended container.
 */
const TEARDOWN_MS = 700

export type ProbeType = 'startup' | 'readiness' | 'liveness'
const TITLES: Record<ProbeType, string> = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' }

export interface ProbeTarget {
  readonly container: Container
  readonly id: ContainerId
  readonly podIP: string
  readonly startedAtMs: number
}

export interface ProbeSeams {
  readonly runtime: Runtime
  readonly prober: Prober
  readonly clock: Clock
  /** A new result; the first one too. */
  result(type: ProbeType, ok: boolean): void
  /** For the event Unhealthy. */
  unhealthy(message: string): void
}

export class ContainerProbes {
  private readonly target: ProbeTarget
  private readonly seams: ProbeSeams
  private readonly loops = new Map<ProbeType, ProbeLoop>()

  constructor(target: ProbeTarget, seams: ProbeSeams) {
    this.target = target
    this.seams = seams
  }

  /** Begins probing. A container without a startup probe is started, one without a readiness probe is ready, at once. */
  start(): void {
    const { startupProbe } = this.target.container
    if (startupProbe) this.begin('startup', startupProbe)
    else this.started()
  }

  /** The container's end has begun: only readiness goes on. */
  endBegins(): void {
    for (const type of ['startup', 'liveness'] as const) this.stopOne(type)
  }

  /** All containers of an ending pod have ended. */
  podEnded(): void {
    for (const loop of this.loops.values()) loop.finish(TEARDOWN_MS)
    this.loops.clear()
  }

  stop(): void {
    for (const type of [...this.loops.keys()]) this.stopOne(type)
  }

  private started(): void {
    const { readinessProbe, livenessProbe } = this.target.container
    this.seams.result('startup', true)
    if (readinessProbe) this.begin('readiness', readinessProbe)
    else this.seams.result('readiness', true)
    if (livenessProbe) this.begin('liveness', livenessProbe)
  }

  private begin(type: ProbeType, probe: Probe): void {
    const loop = new ProbeLoop(type, probe, this.target, {
      ...this.seams,
      result: (_, ok) => {
        if (type === 'startup' && ok) {
          this.stopOne('startup')
          this.started()
          return
        }
        // What is to be restarted is not probed any more; its next life has probes of its own.
        if (type !== 'readiness' && !ok) this.stopOne(type)
        this.seams.result(type, ok)
      },
    })
    this.loops.set(type, loop)
    loop.start()
  }

  private stopOne(type: ProbeType): void {
    this.loops.get(type)?.stop()
    this.loops.delete(type)
  }
}

class ProbeLoop {
  private readonly type: ProbeType
  private readonly probe: Probe
  private readonly target: ProbeTarget
  private readonly seams: ProbeSeams
  private timer: Timer | undefined
  /** When the next probe is due, by the monotonic clock. */
  private dueMs = 0
  private stopped = false
  private isLast = false
  private streak = 0
  private last: boolean | undefined
  private published: boolean | undefined

  constructor(type: ProbeType, probe: Probe, target: ProbeTarget, seams: ProbeSeams) {
    this.type = type
    this.probe = probe
    this.target = target
    this.seams = seams
  }

  start(): void {
    const { initialDelaySeconds = 0, periodSeconds = 10 } = this.probe
    const offsetMs = this.type === 'liveness' ? Math.min(LIVENESS_OFFSET_MS, (periodSeconds * 1000) / 2) : 0
    const soonestMs = this.probe.exec ? FIRST_EXEC_MS : 0
    const dueMs = this.target.startedAtMs + Math.max(initialDelaySeconds * 1000, soonestMs) + offsetMs
    this.schedule(Math.max(0, dueMs - this.seams.clock.now()))
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  /** Probes once more, at once, if that is due within `withinMs`; one that is under way comes to its end. */
  finish(withinMs: number): void {
    this.isLast = true
    if (!this.timer) return
    this.timer.cancel()
    if (this.dueMs - this.seams.clock.monotonic() <= withinMs) void this.once()
  }

  private schedule(delayMs: number): void {
    this.dueMs = this.seams.clock.monotonic() + delayMs
    this.timer = this.seams.clock.setTimer(delayMs, () => void this.once())
  }

  private async once(): Promise<void> {
    this.timer = undefined
    const begunMs = this.seams.clock.monotonic()
    const outcome = await attempt(this.probe, this.target, this.seams)
    if (this.stopped) return
    this.judge(outcome)
    if (this.stopped || this.isLast) return
    const periodMs = (this.probe.periodSeconds ?? 10) * 1000
    this.schedule(Math.max(0, begunMs + periodMs - this.seams.clock.monotonic()))
  }

  private judge(outcome: Outcome): void {
    const title = TITLES[this.type]
    if (outcome.verdict === 'unknown') {
      this.seams.unhealthy(`${title} probe errored and resulted in unknown state: ${outcome.output}`)
      return
    }
    const ok = outcome.verdict === 'ok'
    if (!ok) this.seams.unhealthy(`${title} probe failed: ${outcome.output.slice(0, OUTPUT_CHARS_MAX)}`)
    this.streak = this.last === ok ? this.streak + 1 : 1
    this.last = ok
    const threshold = ok ? (this.probe.successThreshold ?? 1) : (this.probe.failureThreshold ?? 3)
    if (this.streak < threshold || this.published === ok) return
    this.published = ok
    this.seams.result(this.type, ok)
  }
}

interface Outcome {
  readonly verdict: 'ok' | 'failed' | 'unknown'
  readonly output: string
}

const failed = (output: string): Outcome => ({ verdict: 'failed', output })
const OK: Outcome = { verdict: 'ok', output: '' }

/** One probe. Never rejects. */
async function attempt(probe: Probe, target: ProbeTarget, seams: ProbeSeams): Promise<Outcome> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  try {
    if (probe.exec) return await execProbe(probe.exec.command ?? [], timeoutMs, target, seams)
    if (probe.httpGet) return await httpProbe(probe.httpGet, timeoutMs, target, seams)
    if (probe.tcpSocket) {
      const { host, port } = probe.tcpSocket
      const number = portNumber(port, target.container)
      return await seams.prober.tcp(host || target.podIP, number, timeoutMs).then(
        () => OK,
        (error: Error) => failed(error.message),
      )
    }
    if (probe.grpc) {
      const { port, service = '' } = probe.grpc
      return await seams.prober.grpc({ host: target.podIP, port, service, timeoutMs }).then(
        (health) =>
          health === 'SERVING' ? OK : failed(`service unhealthy (responded with ${JSON.stringify(health)})`),
        (error: Error) => failed(error.message),
      )
    }
    return { verdict: 'unknown', output: 'missing probe handler' }
  } catch (error) {
    return { verdict: 'unknown', output: (error as Error).message }
  }
}

async function execProbe(
  command: readonly string[],
  timeoutMs: number,
  { id }: ProbeTarget,
  { runtime }: ProbeSeams,
): Promise<Outcome> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(id, command, timeoutMs)
    return exitCode === 0 ? OK : failed(stdout + stderr)
  } catch (error) {
    if ((error as Error).name !== 'TimeoutError') throw new Error(rpcWords(error as Error))
    return failed(`command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s`)
  }
}

async function httpProbe(
  get: NonNullable<Probe['httpGet']>,
  timeoutMs: number,
  target: ProbeTarget,
  { prober }: ProbeSeams,
): Promise<Outcome> {
  const at = httpTarget(get, target)
  const given = get.httpHeaders ?? []
  const hasAgent = given.some(({ name }) => name.toLowerCase() === 'user-agent')
  const headers = hasAgent ? given : [...given, { name: 'User-Agent', value: 'kube-probe/1.36' }]
  try {
    const { status } = await prober.http({ ...at, headers, timeoutMs })
    return status >= 200 && status < 400 ? OK : failed(`HTTP probe failed with statuscode: ${status}`)
  } catch (error) {
    return failed((error as Error).message)
  }
}
