import type { Pause } from '../base/steps.ts'
import type { ApiRequest, UserInfo } from '../wire/exchange.ts'
import type { RequestInfo } from './request-info.ts'
import type { Warnings } from './warnings.ts'

/** One request on its way through the chain. Stages fill in what later ones need. */
export interface Exchange {
  readonly request: ApiRequest
  readonly info: RequestInfo
  /** Set by the authentication stage; until then nobody. */
  user: UserInfo
  readonly warnings: Warnings
  /** Set for a large body: what it costs is then cut into several turns of the event loop. */
  pause?: Pause
}

/** A step of the chain: passes on, or throws ApiError. */
export type Stage = (exchange: Exchange) => void
