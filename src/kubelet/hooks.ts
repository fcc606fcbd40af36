/** Lifecycle hooks: postStart and preStop. A failed hook throws; what follows from it is the worker's matter. */
import type { Container, LifecycleHandler } from '../api/types/core-v1.gen.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { httpTarget, type Prober } from './prober.ts'
import { type ContainerId, type Runtime, rpcWords } from './runtime.ts'

/** Longest hook, in ms: what really ends it is the end of its container. */
const HOOK_MAX_MS = 24 * 3600 * 1000

export interface HookContext {
  readonly runtime: Runtime
  readonly prober: Prober
  readonly clock: Clock
  readonly container: Container
  readonly id: ContainerId
  readonly podIP: string
  /** Aborts when nobody waits for the hook any more and the container has ended. */
  readonly signal: AbortSignal
}

/**
 * Runs one hook to its end. Rejects when it fails; a command ends with its container. A sleep goes on when its container has
 * ended, as in Kubernetes (issue 134338).
 */
export async function runHook(handler: LifecycleHandler, context: HookContext): Promise<void> {
  const { runtime, id, clock, signal } = context
  if (handler.exec) {
    const command = handler.exec.command ?? []
    const { exitCode, stdout, stderr } = await runtime.execSync(id, command, HOOK_MAX_MS)
    if (exitCode !== 0)
      throw new CommandFailed(`command '${command.join(' ')}' exited with ${exitCode}: ${stderr}`, stdout + stderr)
    return
  }
  if (handler.sleep) {
    await sleep(clock, handler.sleep.seconds * 1000, signal)
    return
  }
  if (handler.httpGet) {
    await httpHook(handler.httpGet, context)
    return
  }
  throw new Error(`invalid handler: ${JSON.stringify(handler)}`)
}

class CommandFailed extends Error {
  readonly output: string
  constructor(message: string, output: string) {
    super(message)
    this.output = output
  }
}

/** What a container shows whose postStart has failed, in Kubernetes' words. `pod` in its long form. */
export function hookFailure(handler: LifecycleHandler, container: string, pod: string, error: Error): string {
  const { exec, httpGet, sleep: pause } = handler
  const of = `for Container ${JSON.stringify(container)} in Pod ${JSON.stringify(pod)} failed - error: ${rpcWords(error)}`
  if (exec) {
    const output = error instanceof CommandFailed ? error.output : ''
    return `Exec lifecycle hook ([${(exec.command ?? []).join(' ')}]) ${of}, message: ${JSON.stringify(output)}`
  }
  if (httpGet) return `HTTP lifecycle hook (${httpGet.path ?? ''}) ${of}`
  if (pause) return `Sleep lifecycle hook (${pause.seconds}) ${of}`
  return `Cannot run handler: ${error.message}`
}

/** Any answer is success: Kubernetes does not look at the status of a hook. */
async function httpHook(get: NonNullable<LifecycleHandler['httpGet']>, context: HookContext): Promise<void> {
  const { prober, signal } = context
  await prober.http({ ...httpTarget(get, context), headers: get.httpHeaders ?? [], timeoutMs: HOOK_MAX_MS, signal })
}
