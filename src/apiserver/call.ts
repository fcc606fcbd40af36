import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { WriteOptions } from '../registry/kit.ts'
import type { Registry } from '../registry/registry.ts'
import type { StoredResource } from '../registry/resource.ts'
import type { ApiResponse } from '../wire/exchange.ts'
import type { TokenSigner } from './authn/service-account-tokens.ts'
import type { Exchange } from './exchange.ts'
import type { OpenWatches } from './open-watches.ts'

/** What handlers work with, besides the call itself. */
export interface Parts {
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly watches: OpenWatches
  /** Makes tokens for service accounts; without it there are none. */
  readonly signer: TokenSigner | undefined
}

/** A request for a resource, on its way through its handler. */
export interface Call {
  readonly parts: Parts
  readonly exchange: Exchange
  readonly resource: StoredResource
}

export type Handler = (call: Call) => ApiResponse | Promise<ApiResponse>

/** Adds a Warning header to the answer. */
export function warn({ exchange }: Pick<Call, 'exchange'>, text: string): void {
  exchange.warnings.add(text)
}

export function writeOptions(
  call: Call,
  query: { readonly dryRun: boolean; readonly fieldManager: string },
): WriteOptions {
  const { info, user } = call.exchange
  return {
    namespace: call.resource.declaration.namespaced ? info.namespace : '',
    name: info.name,
    user,
    dryRun: query.dryRun,
    fieldManager: query.fieldManager,
    warn: (text) => warn(call, text),
    ...(call.exchange.pause ? { pause: call.exchange.pause } : {}),
  }
}
