/** The start of one container, first to last: image, environment, creation, first instruction, postStart. */
import type { Container, Pod } from '../api/types/core-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { DownwardFacts } from './downward.ts'
import { expand, makeEnv } from './env.ts'
import { type Announce, type Images, StartHalted } from './images.ts'
import { type ContainerConfig, type ContainerId, type Runtime, RuntimeError, type SandboxStatus } from './runtime.ts'
import { containerSecurity, createRefusal } from './security.ts'
import { ConfigError, type Sources } from './sources.ts'
import type { PodVolumes } from './volumes.ts'

/** After a failed start, the next attempt, in ms. */
const START_RETRY_MS = 10_000

export interface StartSeams {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly images: Images
  readonly sources: Sources
  readonly volumes: PodVolumes
  readonly facts: DownwardFacts
  readonly announce: Announce
  /** Aborts when the pod is to end: a container not yet started then never starts. */
  readonly signal: AbortSignal
}

export interface StartRequest {
  readonly pod: Pod
  readonly container: Container
  readonly sandbox: SandboxStatus
  readonly attempt: number
}

/** Resolves with the id once the program runs, or with undefined when given up. Throws StartHalted when it cannot go on now. */
export async function startContainer(request: StartRequest, seams: StartSeams): Promise<ContainerId | undefined> {
  const { runtime, images, announce, signal, clock } = seams
  const { container, sandbox } = request
  await images.ensure(container, announce)
  if (signal.aborted) return undefined
  const config = await makeConfig(request, seams)
  if (signal.aborted) return undefined
  const refusal = createRefusal(request.pod, container)
  if (refusal !== undefined) throw halted('CreateContainerError', refusal, seams)
  const id = await runtime.createContainer(sandbox.id, config)
  announce('Normal', 'Created', 'Container created')
  if (signal.aborted) {
    await runtime.removeContainer(id)
    return undefined
  }
  try {
    await runtime.startContainer(id)
  } catch (error) {
    const { message } = error as Error
    announce('Warning', 'Failed', `Error: ${message}`)
    if (error instanceof RuntimeError && error.code === 'start-failed') throw new StartFailed(id, message)
    throw new StartHalted({ reason: 'RunContainerError', message, untilMs: clock.now() + START_RETRY_MS })
  }
  announce('Normal', 'Started', 'Container started')
  return id
}

/** The program could not be executed: the container ended before it began. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed'
  readonly id: ContainerId
  constructor(id: ContainerId, message: string) {
    super(message)
    this.id = id
  }
}

async function makeConfig(request: StartRequest, seams: StartSeams): Promise<ContainerConfig> {
  const { pod, container, sandbox, attempt } = request
  try {
    const env = await makeEnv(pod, container, seams.sources, seams.facts)
    if (sandbox.port !== undefined && !env.has('PORT')) env.set('PORT', String(sandbox.port))
    const mounts = await seams.volumes.mounts(pod, container, env)
    const security = containerSecurity(pod, container, seams.runtime.imageUser(container.image ?? ''))
    return {
      name: container.name,
      attempt,
      image: container.image ?? '',
      command: (container.command ?? []).map((text) => expand(text, env)),
      args: (container.args ?? []).map((text) => expand(text, env)),
      workingDir: container.workingDir ?? '',
      env: [...env].map(([name, value]) => ({ name, value })),
      tty: container.tty ?? false,
      stdin: container.stdin ?? false,
      ...(container.stdinOnce ? { stdinOnce: true } : {}),
      logPath: logPathOf(container.name, attempt),
      terminationMessagePath: container.terminationMessagePath ?? '/dev/termination-log',
      mounts,
      security,
      ...(container.lifecycle?.stopSignal ? { stopSignal: container.lifecycle.stopSignal } : {}),
      annotations: {},
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw halted('CreateContainerConfigError', error.message, seams)
  }
}

/** Says why a start cannot go on now; it is tried again later. */
function halted(reason: string, message: string, { announce, clock }: StartSeams): StartHalted {
  announce('Warning', 'Failed', `Error: ${message}`)
  return new StartHalted({ reason, message, untilMs: clock.now() + START_RETRY_MS })
}

/** Below the pod's log directory: `app/0.log`. */
export const logPathOf = (container: string, attempt: number): string => `${container}/${attempt}.log`
