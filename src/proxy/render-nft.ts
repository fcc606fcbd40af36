/**
 * A plan as nftables rules, and the least commands that lead from one rule set to another. Pure.
 *
 * Everything lives in one table, `ip ebb-proxy`, of the node's own network namespace. Invariants:
 * - a verdict map element and the chain it leads to come and go in one transaction;
 * - what a Service's chain does is one rule, so that a change of its backends is `flush chain` + `add rule`, atomically;
 * - only new connections are routed: conntrack keeps what is established, so existing connections live on.
 *
 *   10.96.0.10:80/TCP -> 10.244.0.5:8080, 10.244.0.6:8080
 *   map service-ips:  10.96.0.10 . tcp . 80 : goto svc/default/web/tcp/80
 *   chain svc/default/web/tcp/80:
 *     meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.5 . 8080, 1 : 10.244.0.6 . 8080 }
 */
import type { Backend, ProxyPlan, Route, ServicePort } from './plan.ts'

export interface NftConfig {
  /** Address range of Services, e.g. `10.96.0.0/16`. */
  readonly serviceCIDR: string
  /** Address range of all pods of the cluster. */
  readonly clusterCIDR: string
  /** Address range of this node's pods; within `clusterCIDR`. */
  readonly podCIDR: string
}

/** A rule set as data: what `nft list` would show, in the order in which it has to be added. */
export interface RuleSet {
  /** Name -> how it is declared and its elements (key -> value; '' in a set). */
  readonly sets: ReadonlyMap<string, RuleElements>
  readonly chains: ReadonlyMap<string, RuleChain>
}

interface RuleElements {
  readonly kind: 'map' | 'set'
  /** What stands in the braces of the declaration. */
  readonly declaration: string
  readonly elements: ReadonlyMap<string, string>
}

interface RuleChain {
  /** Hook line of a base chain, '' for a chain that others go to. */
  readonly hook: string
  readonly rules: readonly string[]
}

export const TABLE = 'ip ebb-proxy'
/** Set on packets that came to a node port or an external IP and must be masqueraded; the bit kube-proxy uses. */
const MARK = '0x4000'
/** Longer names are cut and end in a hash: nft takes 128 characters at most. */
const NAME_LENGTH_MAX = 110

const VERDICTS_BY_ADDRESS = 'type ipv4_addr . inet_proto . inet_service : verdict ;'
const VERDICTS_BY_PORT = 'type inet_proto . inet_service : verdict ;'

/** All rules of a plan. When two service ports claim one address or node port, the first by key has it. */
export function renderRules(plan: ProxyPlan, config: NftConfig): RuleSet {
  const draft = new Draft()
  draft.declare('cluster-ips', 'set', 'type ipv4_addr ;')
  draft.declare('hairpin', 'set', 'type ipv4_addr . ipv4_addr ;')
  draft.declare('service-ips', 'map', VERDICTS_BY_ADDRESS)
  draft.declare('service-nodeports', 'map', VERDICTS_BY_PORT)
  draft.declare('no-endpoint-ips', 'map', VERDICTS_BY_ADDRESS)
  draft.declare('no-endpoint-nodeports', 'map', VERDICTS_BY_PORT)
  addBaseChains(draft, config)
  for (const port of plan.values()) addServicePort(draft, port, config)
  return draft
}

class Draft implements RuleSet {
  readonly sets = new Map<
    string,
    { kind: 'map' | 'set'; readonly declaration: string; readonly elements: Map<string, string> }
  >()
  readonly chains = new Map<string, RuleChain>()
  private readonly claimed = new Set<string>()

  declare(name: string, kind: 'map' | 'set', declaration: string): void {
    this.sets.set(name, { kind, declaration, elements: new Map() })
  }

  element(set: string, key: string, value = ''): void {
    this.sets.get(set)?.elements.set(key, value)
  }

  /** An address or node port, with its protocol and port: true for the first that asks. */
  claim(key: string): boolean {
    if (this.claimed.has(key)) return false
    this.claimed.add(key)
    return true
  }

  chain(name: string, rules: readonly string[], hook = ''): void {
    this.chains.set(name, { hook, rules })
  }
}

/** The ways that packets take, the same whatever Services there are; filters look after the address was rewritten. [PN1] */
function addBaseChains(draft: Draft, { serviceCIDR, clusterCIDR, podCIDR }: NftConfig): void {
  const notLoopback = 'ip daddr != 127.0.0.0/8'
  // A reset is seen as refused whatever the route is; an ICMP message for an address routed to lo gets lost.
  draft.chain('reject-it', ['meta l4proto tcp reject with tcp reset', 'reject'])
  draft.chain('drop-it', ['drop'])
  draft.chain('services', [
    'ip daddr . meta l4proto . th dport vmap @service-ips',
    `fib daddr type local ${notLoopback} meta l4proto . th dport vmap @service-nodeports`,
  ])
  draft.chain('no-endpoints', [
    'ip daddr . meta l4proto . th dport vmap @no-endpoint-ips',
    `fib daddr type local ${notLoopback} meta l4proto . th dport vmap @no-endpoint-nodeports`,
    'ip daddr @cluster-ips goto reject-it',
    `ip daddr ${serviceCIDR} drop`,
  ])
  draft.chain('masquerade-it', [`meta mark set meta mark xor ${MARK}`, 'masquerade fully-random'])
  draft.chain('nat-prerouting', ['jump services'], 'type nat hook prerouting priority -100 ; policy accept ;')
  draft.chain('nat-output', ['jump services'], 'type nat hook output priority -100 ; policy accept ;')
  draft.chain(
    'nat-postrouting',
    [
      `meta mark & ${MARK} == ${MARK} goto masquerade-it`,
      'ip saddr . ip daddr @hairpin masquerade fully-random',
      `ct status dnat ip saddr != ${clusterCIDR} ip daddr != ${podCIDR} masquerade fully-random`,
      `ip saddr ${podCIDR} ip daddr != ${clusterCIDR} masquerade fully-random`,
    ],
    'type nat hook postrouting priority 100 ; policy accept ;',
  )
  for (const hook of ['input', 'forward', 'output'])
    draft.chain(
      `filter-${hook}`,
      ['ct state new jump no-endpoints'],
      `type filter hook ${hook} priority 0 ; policy accept ;`,
    )
}

function addServicePort(draft: Draft, port: ServicePort, config: NftConfig): void {
  const cluster = chainName('svc', port)
  for (const address of port.clusterIPs) {
    const key = addressKey(port, address)
    if (!draft.claim(key)) continue
    draft.element('cluster-ips', address)
    if (port.cluster.backends.length > 0) draft.element('service-ips', key, `goto ${cluster}`)
    else draft.element('no-endpoint-ips', key, `goto ${port.cluster.none}-it`)
  }
  if (port.cluster.backends.length > 0) addBackends(draft, port, cluster, port.cluster)
  addExternal(draft, port, config)
}

function addressKey({ protocol, port }: ServicePort, address: string): string {
  return `${address} . ${protocol.toLowerCase()} . ${port}`
}

/** From outside: marked for masquerade, or with policy Local straight to the backends of this node. [PN4] */
function addExternal(draft: Draft, port: ServicePort, { podCIDR }: NftConfig): void {
  const keys = [
    ...port.externalIPs.map((address) => ({ by: 'ips', key: addressKey(port, address) })),
    ...(port.nodePort ? [{ by: 'nodeports', key: `${port.protocol.toLowerCase()} . ${port.nodePort}` }] : []),
  ].filter(({ key }) => draft.claim(key))
  if (keys.length === 0) return
  const hasExternal = port.external.backends.length > 0
  if (!hasExternal)
    for (const { by, key } of keys) draft.element(`no-endpoint-${by}`, key, `goto ${port.external.none}-it`)
  if (port.any.backends.length === 0) return
  const name = chainName('ext', port)
  for (const { by, key } of keys) draft.element(`service-${by}`, key, `goto ${name}`)
  const same = sameBackends(port.any, port.cluster)
  const any = chainName(same ? 'svc' : 'all', port)
  if (!same) addBackends(draft, port, any, port.any)
  const mark = `meta mark set meta mark or ${MARK}`
  if (!port.externalLocal) {
    draft.chain(name, [mark, `goto ${any}`])
    return
  }
  const local = chainName('loc', port)
  if (hasExternal) addBackends(draft, port, local, port.external)
  // The node itself and its pods are inside the cluster, whichever address they dialled.
  draft.chain(name, [
    `ip saddr ${podCIDR} goto ${any}`,
    `fib saddr type local ${mark} goto ${any}`,
    ...(hasExternal ? [`goto ${local}`] : []),
  ])
}

/** One rule picks a backend at random; with affinity a client's last one is remembered in a set per backend. [PN2] [PN3] */
function addBackends(draft: Draft, port: ServicePort, chain: string, { backends }: Route): void {
  const l4 = port.protocol.toLowerCase()
  for (const { ip, local } of backends) if (local) draft.element('hairpin', `${ip} . ${ip}`)
  if (port.affinitySeconds === undefined) {
    const choices = backends.map(({ ip, port: to }, i) => `${i} : ${ip} . ${to}`).join(', ')
    draft.chain(chain, [`meta l4proto ${l4} dnat ip to numgen random mod ${backends.length} map { ${choices} }`])
    return
  }
  const rules: string[] = []
  const choices: string[] = []
  for (const [i, backend] of backends.entries()) {
    const set = `${chainName('aff', port)}/${backend.ip}/${backend.port}`
    const endpoint = `${chainName('ep', port)}/${backend.ip}/${backend.port}`
    draft.declare(set, 'set', 'type ipv4_addr ; flags dynamic,timeout ;')
    draft.chain(endpoint, [
      `update @${set} { ip saddr timeout ${port.affinitySeconds}s }`,
      `meta l4proto ${l4} ${dnat(backend)}`,
    ])
    rules.push(`ip saddr @${set} goto ${endpoint}`)
    choices.push(`${i} : goto ${endpoint}`)
  }
  draft.chain(chain, [...rules, `numgen random mod ${backends.length} vmap { ${choices.join(', ')} }`])
}

const dnat = ({ ip, port }: Backend) => `dnat ip to ${ip}:${port}`

function sameBackends(a: Route, b: Route): boolean {
  return (
    a.backends.length === b.backends.length &&
    a.backends.every((backend, i) => backend.ip === b.backends[i]?.ip && backend.port === b.backends[i]?.port)
  )
}

function chainName(prefix: string, { namespace, name, protocol, port }: ServicePort): string {
  const full = `${prefix}/${namespace}/${name}/${protocol.toLowerCase()}/${port}`
  if (full.length <= NAME_LENGTH_MAX) return full
  let hash = 0x811c9dc5
  for (let i = 0; i < full.length; i++) hash = Math.imul(hash ^ full.charCodeAt(i), 0x01000193) >>> 0
  return `${full.slice(0, NAME_LENGTH_MAX - 10)}/${hash.toString(16)}`
}

/** Commands that make the table from nothing, one each; whatever was in it before is gone. One transaction. */
export function fullCommands(rules: RuleSet): readonly string[] {
  const empty: RuleSet = { sets: new Map(), chains: new Map() }
  return [`add table ${TABLE}`, `delete table ${TABLE}`, `add table ${TABLE}`, ...diffCommands(empty, rules)]
}

/**
 * The least commands that lead from `before` to `after`; empty when they are equal. One transaction, in an order that
 * never refers to what is not there: additions of names, then contents, then removals of names.
 */
export function diffCommands(before: RuleSet, after: RuleSet): readonly string[] {
  const declare: string[] = []
  const contents: string[] = []
  const removals: string[] = []
  for (const [name, set] of after.sets)
    if (!before.sets.has(name)) declare.push(`add ${set.kind} ${TABLE} ${name} { ${set.declaration} }`)
  for (const [name, chain] of after.chains) {
    const old = before.chains.get(name)
    if (!old) declare.push(`add chain ${TABLE} ${name}${chain.hook ? ` { ${chain.hook} }` : ''}`)
    contents.push(...ruleCommands(name, old, chain))
  }
  for (const name of before.chains.keys())
    if (!after.chains.has(name)) {
      contents.push(`flush chain ${TABLE} ${name}`)
      removals.push(`delete chain ${TABLE} ${name}`)
    }
  for (const [name, set] of before.sets) if (!after.sets.has(name)) removals.push(`delete ${set.kind} ${TABLE} ${name}`)
  return [...declare, ...contents, ...elementCommands(before, after), ...removals]
}

function ruleCommands(name: string, old: RuleChain | undefined, chain: RuleChain): readonly string[] {
  if (old && old.rules.length === chain.rules.length && old.rules.every((rule, i) => rule === chain.rules[i])) return []
  return [
    ...(old ? [`flush chain ${TABLE} ${name}`] : []),
    ...chain.rules.map((rule) => `add rule ${TABLE} ${name} ${rule}`),
  ]
}

/** One command per set and direction; an element whose value changes is deleted and added again. */
function elementCommands(before: RuleSet, after: RuleSet): readonly string[] {
  const deletions: string[] = []
  const additions: string[] = []
  for (const [name, { elements }] of after.sets) {
    const old = before.sets.get(name)?.elements ?? new Map<string, string>()
    const gone = [...old].filter(([key, value]) => elements.get(key) !== value).map(([key]) => key)
    const come = [...elements].filter(([key, value]) => old.get(key) !== value)
    if (gone.length > 0) deletions.push(`delete element ${TABLE} ${name} { ${gone.join(', ')} }`)
    if (come.length > 0) {
      const texts = come.map(([key, value]) => (value ? `${key} : ${value}` : key))
      additions.push(`add element ${TABLE} ${name} { ${texts.join(', ')} }`)
    }
  }
  return [...deletions, ...additions]
}
