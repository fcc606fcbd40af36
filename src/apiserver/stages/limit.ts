import { tooManyRequests } from '../../api/status.ts'
import type { Stage } from '../exchange.ts'
import type { RequestInfo } from '../request-info.ts'

/** Requests being worked on at once, watches and streams not counted; as kube-apiserver's two flags have together. */
export const IN_FLIGHT_MAX = 600

const RETRY_AFTER_SECONDS = 1
const LONG_RUNNING = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

/** 429 with Retry-After when too many requests are being worked on: better a quick no than a slow yes. */
export function limit(max: number): Stage {
  let inFlight = 0
  return (exchange) => {
    if (isLongRunning(exchange.info)) return undefined
    if (inFlight >= max)
      throw tooManyRequests('The apiserver is overloaded, please try again later.', RETRY_AFTER_SECONDS)
    inFlight++
    exchange.ends.push(() => {
      inFlight--
    })
    return undefined
  }
}

function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || LONG_RUNNING.has(info.subresource)
}
