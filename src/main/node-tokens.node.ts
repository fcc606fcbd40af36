import { randomBytes } from 'node:crypto'
import { NODES, nodeUserName } from '../apiserver/authn/names.ts'
import type { UserInfo } from '../wire/exchange.ts'

/** What a node's process shows to the API server: good for as long as this one lives, known to nobody else. */
export interface NodeTokens {
  ofNode(name: string): string
  /** The proxies see the same of the cluster, wherever they run: one for all. */
  readonly ofProxy: string
  /** Whom each token stands for. */
  readonly users: readonly (readonly [token: string, user: UserInfo])[]
}

const newToken = () => randomBytes(24).toString('base64url')

export function nodeTokens(names: readonly string[]): NodeTokens {
  const own = new Map(names.map((name) => [name, newToken()]))
  const ofProxy = newToken()
  const nodes = [...own].map(([name, token]) => [token, { name: nodeUserName(name), groups: [NODES] }] as const)
  return {
    ofNode: (name) => own.get(name) ?? '',
    ofProxy,
    users: [...nodes, [ofProxy, { name: 'system:kube-proxy', groups: [] }]],
  }
}
