/** The way of a request before its handler: one array, the first runs first. The body is unread until the end of it. */
import type { TokenSource } from './authn/tokens.ts'
import type { Authorizer } from './authz/authorizer.ts'
import type { Stage } from './exchange.ts'
import { authenticate } from './stages/authenticate.ts'
import { authorize } from './stages/authorize.ts'
import { impersonate } from './stages/impersonate.ts'
import { limit } from './stages/limit.ts'

export interface ChainOptions {
  readonly tokens: TokenSource
  readonly authorizers: readonly Authorizer[]
  readonly inFlightMax: number
}

export function chain({ tokens, authorizers, inFlightMax }: ChainOptions): readonly Stage[] {
  return [
    authenticate(tokens), // who asks: later stages speak of a user
    impersonate(authorizers), // an administrator may ask as somebody else
    limit(inFlightMax), // refuse early what could not be served in time
    authorize(authorizers), // may this user do that
  ]
}
