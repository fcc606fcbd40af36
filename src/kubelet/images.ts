/** Gets a container's image to the node, with Kubernetes' policies, back-off, events and words. */

import type { Container } from '../api/types/core-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import { BACK_OFF_FIRST_MS, BACK_OFF_MAX_MS } from './back-off.ts'
import type { Waiting } from './pod-view.ts'
import type { Runtime } from './runtime.ts'

/** How long ErrImagePull is shown before it turns into ImagePullBackOff, in ms. */
const ERROR_SHOWN_MS = 1_000

export type Announce = (type: 'Normal' | 'Warning', reason: string, message: string) => void

/** A start that did not come to its end; `waiting` is what the container shows meanwhile. */
export class StartHalted extends Error {
  override readonly name = 'StartHalted'
  readonly waiting: Waiting
  constructor(waiting: Waiting, options?: ErrorOptions) {
    super(waiting.message ?? waiting.reason, options)
    this.waiting = waiting
  }
}

interface Failure {
  readonly delayMs: number
  readonly untilMs: number
  readonly message: string
}

/** Always for `:latest` or no tag, else IfNotPresent; the API server usually has decided already. */
function policyOf({ image = '', imagePullPolicy }: Container): string {
  if (imagePullPolicy) return imagePullPolicy
  const last = image.slice(image.lastIndexOf('/') + 1)
  return (!last.includes(':') && !last.includes('@')) || last.endsWith(':latest') ? 'Always' : 'IfNotPresent'
}

/** The images of one pod: its failures, and when to try again. */
export class Images {
  private readonly runtime: Runtime
  private readonly clock: Clock
  private readonly failures = new Map<string, Failure>()

  constructor(runtime: Runtime, clock: Clock) {
    this.runtime = runtime
    this.clock = clock
  }

  /** Resolves when the image is there; throws StartHalted when it is not. */
  async ensure(container: Container, announce: Announce): Promise<void> {
    const image = container.image ?? ''
    const policy = policyOf(container)
    const source = this.runtime.imageSource(image, container.command)
    if (policy === 'Never' && !source) {
      const message = `Container image "${image}" is not present with pull policy of Never`
      announce('Warning', 'ErrImageNeverPull', message)
      announce('Warning', 'Failed', 'Error: ErrImageNeverPull')
      throw new StartHalted({ reason: 'ErrImageNeverPull', message, untilMs: this.clock.now() + BACK_OFF_FIRST_MS })
    }
    if (source === 'command' || (source === 'tools' && policy === 'Always')) {
      this.failures.delete(image)
      announce('Normal', 'HostProgram', hostProgramWords(image, source))
      return
    }
    if (source && policy !== 'Always') {
      announce(
        'Normal',
        'Pulled',
        `Container image "${image}" already present on machine and can be accessed by the pod`,
      )
      return
    }
    await this.pull(container, image, announce)
  }

  private async pull(container: Container, image: string, announce: Announce): Promise<void> {
    const failure = this.failures.get(image)
    const now = this.clock.now()
    // Unless the clock was set back since.
    if (failure && now < failure.untilMs && now >= failure.untilMs - failure.delayMs)
      this.backOff(image, failure, announce)
    announce('Normal', 'Pulling', `Pulling image "${image}"`)
    try {
      await this.runtime.pullImage(image, container.command)
    } catch (error) {
      const { message } = error as Error
      announce('Warning', 'Failed', `Failed to pull image "${image}": ${message}`)
      announce('Warning', 'Failed', 'Error: ErrImagePull')
      const delayMs = failure ? Math.min(failure.delayMs * 2, BACK_OFF_MAX_MS) : BACK_OFF_FIRST_MS
      const at = this.clock.now()
      this.failures.set(image, { delayMs, untilMs: at + delayMs, message })
      throw new StartHalted({ reason: 'ErrImagePull', message, untilMs: at + ERROR_SHOWN_MS }, { cause: error })
    }
    this.failures.delete(image)
    const took = durationText(this.clock.now() - now)
    announce(
      'Normal',
      'Pulled',
      `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: 0 bytes.`,
    )
  }

  private backOff(image: string, { untilMs, message }: Failure, announce: Announce): never {
    announce('Normal', 'BackOff', `Back-off pulling image "${image}"`)
    announce('Warning', 'Failed', 'Error: ImagePullBackOff')
    const text = `Back-off pulling image "${image}": ErrImagePull: ${message}`
    throw new StartHalted({ reason: 'ImagePullBackOff', message: text, untilMs })
  }
}

/** Nothing was fetched, and a typing error in the name would not show otherwise. */
const hostProgramWords = (image: string, source: 'command' | 'tools'): string =>
  source === 'tools'
    ? `Image "${image}" was not pulled: the container runs a program of this machine`
    : `Image "${image}" was not pulled: no program is mapped to it, so the container's command runs a program of this machine (to map one: ebb image map ${image}=PATH)`

/** As Go prints it, rounded to ms: `3ms`, `1.204s`. */
const durationText = (ms: number): string => (ms < 1000 ? `${Math.round(ms)}ms` : `${Math.round(ms) / 1000}s`)
