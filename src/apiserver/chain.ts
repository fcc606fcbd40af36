/** The way of a request before it waits for a slot: one array, the first runs first. The body is unread until the end of it. */
import type { TokenSource } from './authn/tokens.ts'
import type { Authorizer } from './authz/authorizer.ts'
import type { Stage } from './exchange.ts'
import { authenticate } from './stages/authenticate.ts'
import { authorize } from './stages/authorize.ts'
import { impersonate } from './stages/impersonate.ts'

export interface ChainOptions {
  readonly tokens: TokenSource
  readonly authorizers: readonly Authorizer[]
}

export function chain({ tokens, authorizers }: ChainOptions): readonly Stage[] {
  return [
    authenticate(tokens), // who asks: later stages speak of a user
    introduce, // the transport keeps its limits by user
    impersonate(authorizers), // an administrator may ask as somebody else
    authorize(authorizers), // may this user do that
  ]
}

const introduce: Stage = ({ request, user }) => {
  request.identified?.(user)
}
