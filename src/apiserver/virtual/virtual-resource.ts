import type { ResourceDeclaration } from '../../resources/declaration.ts'
import type { ApiResponse, UserInfo } from '../../wire/exchange.ts'
import type { TokenSource } from '../authn/tokens.ts'
import type { Parts } from '../call.ts'
import type { Exchange } from '../exchange.ts'

export interface VirtualCall {
  readonly parts: Parts
  readonly exchange: Exchange
  readonly tokens: TokenSource
}

/** A resource that can be created but is not stored: the answer is all there is of it. */
export interface VirtualResource
  extends Pick<
    ResourceDeclaration,
    'group' | 'version' | 'kind' | 'plural' | 'singular' | 'namespaced' | 'definition'
  > {
  create(call: VirtualCall): Promise<ApiResponse>
}

/** userInfo as reviews show it. */
export function shownUser({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) }
}
