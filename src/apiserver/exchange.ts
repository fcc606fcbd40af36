import type { ApiRequest, ApiResponse, UserInfo } from '../wire/exchange.ts'
import type { RequestInfo } from './request-info.ts'

/** One request on its way through the chain. Stages fill in what later ones need. */
export interface Exchange {
  readonly request: ApiRequest
  readonly info: RequestInfo
  /** Set by the authentication stage; until then nobody. */
  user: UserInfo
  /** Texts for Warning headers, in order, each once. */
  readonly warnings: string[]
}

/** A step of the chain: passes on (undefined), answers, or throws ApiError. */
export type Stage = (exchange: Exchange) => ApiResponse | undefined | Promise<ApiResponse | undefined>
