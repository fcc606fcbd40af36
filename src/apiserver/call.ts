import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { WriteOptions } from '../registry/kit.ts'
import type { Registry } from '../registry/registry.ts'
import type { StoredResource } from '../registry/resource.ts'
import type { ApiResponse } from '../wire/exchange.ts'
import type { TokenSigner } from './authn/service-account-tokens.ts'
import type { Authorizer } from './authz/authorizer.ts'
import { demand } from './authz/refusal.ts'
import type { Exchange } from './exchange.ts'
import type { OpenWatches } from './open-watches.ts'

/** What handlers work with, besides the call itself. */
export interface Parts {
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly watches: OpenWatches
  /** Who decides what a user may do. */
  readonly authorizers: readonly Authorizer[]
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
  const { info, user, request, pause } = call.exchange
  return {
    namespace: call.resource.declaration.namespaced ? info.namespace : '',
    name: info.name,
    user,
    dryRun: query.dryRun,
    fieldManager: query.fieldManager,
    warn: (text) => warn(call, text),
    ...(request.pause ? { pauseIfLarge: request.pause } : {}),
    ...(pause ? { pause } : {}),
  }
}

/** 403 unless the user may do this too to what the request is about: `create` where a PUT makes what is missing, or a stream. */
export function demandVerb({ parts, exchange }: Pick<Call, 'parts' | 'exchange'>, verb: string): void {
  if (exchange.info.verb !== verb) demand(parts.authorizers, exchange.user, { ...exchange.info, verb })
}
