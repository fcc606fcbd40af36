/**
 * Which requests are served before others: the levels of Kubernetes' priority and fairness, few and fixed. Each level but the
 * first has slots of its own, so that a flood in one of them is felt in no other.
 *
 *   exempt            administrators, and whoever asks after health: never wait
 *   leader-election   leases of the system's parts: a part that cannot renew its lease stops working
 *   system            nodes, control plane, service accounts of kube-system
 *   workload          everybody else, users in turn
 */
import type { UserInfo } from '../../wire/exchange.ts'
import { MASTERS } from '../authn/names.ts'
import type { RequestInfo } from '../request-info.ts'

export type Level = 'exempt' | 'leader-election' | 'system' | 'workload'

const HEALTH = ['/healthz', '/livez', '/readyz']
const SYSTEM_GROUPS = ['system:nodes', 'system:serviceaccounts:kube-system']
const SYSTEM_USERS = ['system:kube-controller-manager', 'system:kube-scheduler']

/** The level of a user's requests, whatever they ask for. */
export function standingOf({ name, groups }: UserInfo): Exclude<Level, 'leader-election'> {
  if (groups.includes(MASTERS)) return 'exempt'
  return SYSTEM_USERS.includes(name) || SYSTEM_GROUPS.some((group) => groups.includes(group)) ? 'system' : 'workload'
}

export function levelOf(user: UserInfo, info: RequestInfo): Level {
  const standing = standingOf(user)
  if (standing === 'system' && info.resource === 'leases' && info.group === 'coordination.k8s.io')
    return 'leader-election'
  if (standing === 'workload' && !info.isResource && isHealth(info.path)) return 'exempt'
  return standing
}

const isHealth = (path: string) => HEALTH.some((root) => path === root || path.startsWith(`${root}/`))

const LONG_RUNNING = new Set(['attach', 'exec', 'log', 'portforward', 'proxy'])

/** Streams that last as long as their reader likes: no deadline, no slot. */
export function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || LONG_RUNNING.has(info.subresource)
}
