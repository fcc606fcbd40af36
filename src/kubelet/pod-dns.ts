/**
 * What a pod's /etc/resolv.conf says. Pure; rules and words of the kubelet (package network/dns): the policy gives the
 * beginning, dnsConfig is put behind it, and what is beyond the limits of resolv.conf is left out and said.
 */
import type { Pod } from '../api/types/core-v1.gen.ts'

/** One resolv.conf. */
export interface DnsConfig {
  readonly servers: readonly string[]
  readonly searches: readonly string[]
  /** `ndots:5`, or a bare name. */
  readonly options: readonly string[]
}

export interface NodeDns {
  /** Addresses of the cluster's DNS; none: pods of policy ClusterFirst get what the node itself has. */
  readonly servers: readonly string[]
  readonly clusterDomain: string
  /** The node's own resolv.conf. */
  readonly host: DnsConfig
}

/** What the C library reads of a resolv.conf; the rest is left out, and an event says so. */
const SERVERS_MAX = 3
const SEARCHES_MAX = 32
const SEARCH_CHARS_MAX = 2048

/** `warnings`: messages of events DNSConfigForming. */
export function podDns(pod: Pod, node: NodeDns): { readonly dns: DnsConfig; readonly warnings: readonly string[] } {
  const base = byPolicy(pod, node)
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {}
  return withinLimits({
    servers: [...new Set([...base.servers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches])],
    options: mergeOptions(
      base.options,
      options.map(({ name, value }) => (value ? `${name}:${value}` : `${name}`)),
    ),
  })
}

function byPolicy({ metadata, spec }: Pod, { servers, clusterDomain, host }: NodeDns): DnsConfig {
  const policy = spec.dnsPolicy ?? 'ClusterFirst'
  if (policy === 'None') return { servers: [], searches: [], options: [] }
  const isCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !spec.hostNetwork)
  if (!isCluster || servers.length === 0) return host
  const domains = [`${metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain]
  return { servers, searches: [...domains, ...host.searches], options: ['ndots:5'] }
}

/** A later option of the same name takes the place of the earlier one. */
function mergeOptions(before: readonly string[], after: readonly string[]): string[] {
  const byName = new Map([...before, ...after].map((option) => [option.split(':')[0], option]))
  return [...byName.values()]
}

function withinLimits({ servers, searches, options }: DnsConfig): ReturnType<typeof podDns> {
  const warnings: string[] = []
  const used = servers.slice(0, SERVERS_MAX)
  if (used.length < servers.length)
    warnings.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${used.join(' ')}`,
    )
  let paths = searches.slice(0, SEARCHES_MAX)
  while (paths.join(' ').length > SEARCH_CHARS_MAX) paths = paths.slice(0, -1)
  if (paths.length < searches.length)
    warnings.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${paths.join(' ')}`,
    )
  return { dns: { servers: used, searches: paths, options }, warnings }
}

/** Reads a resolv.conf: the last `search` (or `domain`) and `options` lines count, as the C library has it. */
export function parseResolv(text: string): DnsConfig {
  const servers: string[] = []
  let searches: string[] = []
  let options: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/^\s*[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver' && words[0]) servers.push(words[0])
    else if (keyword === 'search' || keyword === 'domain') searches = words.map(withoutDot)
    else if (keyword === 'options') options = words
  }
  return { servers, searches, options }
}

/** A path with and without the dot at its end is the same; the root alone stays. */
const withoutDot = (path: string): string => (path === '.' ? path : path.replace(/\.$/, ''))
