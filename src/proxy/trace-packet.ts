/**
 * A model of the part of nftables that `render-nft.ts` writes: it executes commands as nft would (and refuses what nft would
 * refuse), and walks a packet through the chains to say what becomes of it. What the goldens say in letters, this says in
 * meaning. Pure, no kernel; `apply-nft.test.ts` checks the same on a real one.
 *
 *   const table = new RuleModel()
 *   table.execute(fullCommands(rules))
 *   tracePacket(table, { from: '10.244.0.9', to: '10.96.0.10', protocol: 'tcp', port: 80, hook: 'prerouting' }, choose)
 *   // { outcome: 'dnat', ip: '10.244.0.5', port: 8080, masqueraded: false }
 */
import { assert } from '../base/assert.ts'
import { TABLE } from './render-nft.ts'

export interface Packet {
  readonly from: string
  readonly to: string
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Where it enters: a pod's or a foreign packet at prerouting, the node's own at output. */
  readonly hook: 'prerouting' | 'output'
  /** Addresses of the node itself (`fib ... type local`). */
  readonly nodeAddresses?: readonly string[]
}

export type Outcome =
  | { readonly outcome: 'dnat'; readonly ip: string; readonly port: number; readonly masqueraded: boolean }
  | { readonly outcome: 'reject' | 'drop' }
  /** Not ours: goes where it was sent. */
  | { readonly outcome: 'pass'; readonly masqueraded: boolean }

interface ModelSet {
  readonly declaration: string
  readonly elements: Map<string, string>
}

interface ModelChain {
  readonly hook: string
  rules: string[]
}

export class RuleModel {
  readonly sets = new Map<string, ModelSet>()
  readonly chains = new Map<string, ModelChain>()

  /** One transaction. Throws where nft would answer with an error; the model is then of no further use. */
  execute(commands: readonly string[]): void {
    for (const command of commands) this.one(command)
    this.checkReferences()
  }

  /** The whole content as text, to compare two models. */
  toString(): string {
    const sets = [...this.sets].map(
      ([name, set]) => `${name} { ${set.declaration} } = ${[...set.elements].map((e) => e.join(':')).sort()}`,
    )
    const chains = [...this.chains].map(([name, { hook, rules }]) => `${name} { ${hook} }\n  ${rules.join('\n  ')}`)
    return [...sets.sort(), ...chains.sort()].join('\n')
  }

  private one(command: string): void {
    const match = /^(add|delete|flush) (table|set|map|chain|rule|element) (.*)$/.exec(command)
    assert(match, `unknown command: ${command}`)
    const [, verb, what, full = ''] = match
    assert(full.startsWith(TABLE), `other table: ${command}`)
    const rest = full.slice(TABLE.length).trim()
    if (what === 'table') {
      if (verb === 'delete') this.clear()
      return
    }
    const name = /^\S+/.exec(rest)?.[0] ?? ''
    const body = rest.slice(name.length).trim()
    if (what === 'chain') this.chainCommand(verb ?? '', name, inBraces(body))
    else if (what === 'rule') this.chain(name).rules.push(body)
    else if (what === 'element') this.elementCommand(verb ?? '', name, inBraces(body))
    else if (verb === 'add') this.sets.set(name, { declaration: inBraces(body), elements: new Map() })
    else assert(this.sets.delete(name), `no such set: ${name}`)
  }

  private clear(): void {
    this.sets.clear()
    this.chains.clear()
  }

  private chainCommand(verb: string, name: string, hook: string): void {
    if (verb === 'add') {
      if (!this.chains.has(name)) this.chains.set(name, { hook, rules: [] })
      return
    }
    const chain = this.chain(name)
    if (verb === 'flush') chain.rules = []
    else {
      assert(chain.rules.length === 0, `chain is busy: ${name}`)
      this.chains.delete(name)
    }
  }

  private elementCommand(verb: string, name: string, body: string): void {
    const { elements } = this.set(name)
    for (const element of body.split(', ')) {
      const [key = '', value = ''] = element.split(' : ')
      if (verb === 'delete') assert(elements.delete(key), `no such element: ${key} in ${name}`)
      else {
        assert(!elements.has(key) || elements.get(key) === value, `element exists: ${key} in ${name}`)
        elements.set(key, value)
      }
    }
  }

  chain(name: string): ModelChain {
    const chain = this.chains.get(name)
    assert(chain, `no such chain: ${name}`)
    return chain
  }

  set(name: string): ModelSet {
    const set = this.sets.get(name)
    assert(set, `no such set: ${name}`)
    return set
  }

  /** Every goto, jump and @set names what is there: a dangling one is an error of nft. */
  private checkReferences(): void {
    const texts = [
      ...[...this.chains.values()].flatMap((chain) => chain.rules),
      ...[...this.sets.values()].flatMap((set) => [...set.elements.values()]),
    ]
    for (const text of texts) {
      for (const [, chain = ''] of text.matchAll(/\b(?:goto|jump) ([^\s,]+)/g)) this.chain(chain)
      for (const [, set = ''] of text.matchAll(/@(\S+)/g)) this.set(set)
    }
  }
}

const inBraces = (text: string) => text.replace(/^\{ ?/, '').replace(/ ?\}$/, '')

interface Walk {
  readonly table: RuleModel
  readonly packet: Packet
  readonly choose: (choices: number) => number
  mark: number
  to: string
  port: number
  natted: boolean
  verdict: 'accept' | 'reject' | 'drop' | 'masquerade' | undefined
}

/** The first packet of a connection. `choose(n)` stands for `numgen random mod n`. Affinity sets of `table` are updated. */
export function tracePacket(table: RuleModel, packet: Packet, choose: (choices: number) => number): Outcome {
  const walk: Walk = {
    table,
    packet,
    choose,
    mark: 0,
    to: packet.to,
    port: packet.port,
    natted: false,
    verdict: undefined,
  }
  runHook(walk, `type nat hook ${packet.hook}`)
  const localTo = packet.nodeAddresses?.includes(walk.to) ?? false
  const filter = packet.hook === 'output' ? 'output' : localTo ? 'input' : 'forward'
  runHook(walk, `type filter hook ${filter}`)
  if (walk.verdict === 'reject' || walk.verdict === 'drop') return { outcome: walk.verdict }
  runHook(walk, 'type nat hook postrouting')
  const masqueraded = walk.verdict === 'masquerade'
  return walk.natted ? { outcome: 'dnat', ip: walk.to, port: walk.port, masqueraded } : { outcome: 'pass', masqueraded }
}

function runHook(walk: Walk, hook: string): void {
  for (const chain of walk.table.chains.values()) {
    if (!chain.hook.startsWith(hook)) continue
    walk.verdict = undefined
    runChain(walk, chain)
    if (walk.verdict) return
  }
}

/** True when the walk is over: a verdict fell, or a goto was followed to its end. */
function runChain(walk: Walk, chain: ModelChain): boolean {
  for (const rule of chain.rules) {
    const over = runRule(walk, rule)
    if (walk.verdict || over) return true
  }
  return false
}

/** Tokens of a rule, each a match or a statement, read from the left; a match that fails ends the rule. */
function runRule(walk: Walk, rule: string): boolean {
  let rest = rule
  while (rest) {
    const term = TERMS.find(([pattern]) => pattern.test(rest))
    assert(term, `rule not understood: ${rest}`)
    const match = term[0].exec(rest)
    assert(match, rest)
    rest = rest.slice(match[0].length).trim()
    const went = term[1](walk, match)
    if (went === 'no match') return false
    if (went === 'over') return true
    if (walk.verdict) return true
  }
  return false
}

type Went = 'on' | 'no match' | 'over'
const when = (holds: boolean): Went => (holds ? 'on' : 'no match')
const l4 = (walk: Walk) => walk.packet.protocol

/** Every expression and statement that the renderer may write. */
const TERMS: readonly (readonly [RegExp, (walk: Walk, match: RegExpExecArray) => Went])[] = [
  [
    /^ip daddr \. meta l4proto \. th dport vmap @(\S+)/,
    (w, [, set = '']) => follow(w, w.table.set(set).elements.get(`${w.to} . ${l4(w)} . ${w.port}`)),
  ],
  [
    /^meta l4proto \. th dport vmap @(\S+)/,
    (w, [, set = '']) => follow(w, w.table.set(set).elements.get(`${l4(w)} . ${w.port}`)),
  ],
  [
    /^ip saddr \. ip daddr @(\S+)/,
    (w, [, set = '']) => when(w.table.set(set).elements.has(`${w.packet.from} . ${w.to}`)),
  ],
  [/^fib daddr type local/, (w) => when(isLocal(w, w.to))],
  [/^fib saddr type local/, (w) => when(isLocal(w, w.packet.from))],
  [/^ip daddr @(\S+)/, (w, [, set = '']) => when(w.table.set(set).elements.has(w.to))],
  [/^ip saddr @(\S+)/, (w, [, set = '']) => when(w.table.set(set).elements.has(w.packet.from))],
  [/^ip daddr != (\S+)/, (w, [, range = '']) => when(!inRange(w.to, range))],
  [/^ip daddr (\S+)/, (w, [, range = '']) => when(inRange(w.to, range))],
  [/^ip saddr != (\S+)/, (w, [, range = '']) => when(!inRange(w.packet.from, range))],
  [/^ip saddr (\S+)/, (w, [, range = '']) => when(inRange(w.packet.from, range))],
  [/^ct state new/, () => 'on'],
  [/^ct status dnat/, (w) => when(w.natted)],
  [/^meta mark & (\S+) == (\S+)/, (w, [, mask, value]) => when((w.mark & Number(mask)) === Number(value))],
  [/^meta mark set meta mark or (\S+)/, (w, [, bits]) => mark(w, w.mark | Number(bits))],
  [/^meta mark set meta mark xor (\S+)/, (w, [, bits]) => mark(w, w.mark ^ Number(bits))],
  [/^meta l4proto (tcp|udp) dnat ip to numgen random mod (\d+) map \{ (.*) \}/, dnatRandom],
  [/^meta l4proto (tcp|udp) dnat ip to (\S+):(\d+)/, (w, [, proto, ip, port]) => dnat(w, { proto, ip, port })],
  [/^numgen random mod (\d+) vmap \{ (.*) \}/, (w, [, n, choices]) => follow(w, chosen(w, n, choices))],
  [/^update @(\S+) \{ ip saddr timeout \d+s \}/, (w, [, set = '']) => remember(w, set)],
  [/^(goto|jump) \S+/, (w, [verdict]) => follow(w, verdict)],
  [/^masquerade fully-random/, (w) => judge(w, 'masquerade')],
  [
    /^meta l4proto (tcp|udp) reject with tcp reset/,
    (w, [, proto]) => (proto === l4(w) ? judge(w, 'reject') : 'no match'),
  ],
  [/^reject/, (w) => judge(w, 'reject')],
  [/^drop/, (w) => judge(w, 'drop')],
]

const isLocal = (w: Walk, ip: string) => ip.startsWith('127.') || (w.packet.nodeAddresses?.includes(ip) ?? false)

function mark(walk: Walk, value: number): Went {
  walk.mark = value
  return 'on'
}

function remember(walk: Walk, set: string): Went {
  walk.table.set(set).elements.set(walk.packet.from, '')
  return 'on'
}

function judge(walk: Walk, verdict: 'masquerade' | 'reject' | 'drop'): Went {
  walk.verdict = verdict
  return 'over'
}

function chosen(walk: Walk, n: string | undefined, choices: string | undefined): string {
  const pairs = (choices ?? '').split(', ').map((pair) => pair.split(' : '))
  assert(pairs.length === Number(n), `choices do not match mod ${n}`)
  return pairs[walk.choose(Number(n))]?.[1] ?? ''
}

function dnatRandom(walk: Walk, [, proto, n, choices]: RegExpExecArray): Went {
  const [ip, port] = chosen(walk, n, choices).split(' . ')
  return dnat(walk, { proto, ip, port })
}

function dnat(walk: Walk, to: { proto: string | undefined; ip: string | undefined; port: string | undefined }): Went {
  if (to.proto !== l4(walk)) return 'no match'
  walk.to = to.ip ?? ''
  walk.port = Number(to.port)
  walk.natted = true
  walk.verdict = 'accept'
  return 'over'
}

/** `goto` ends the chain it stands in, `jump` comes back when nothing was decided. */
function follow(walk: Walk, verdict: string | undefined): Went {
  if (!verdict) return 'no match'
  const [how, name = ''] = verdict.split(' ')
  runChain(walk, walk.table.chain(name))
  return how === 'goto' || walk.verdict ? 'over' : 'on'
}

function inRange(ip: string, range: string): boolean {
  const [base = '', bits = '32'] = range.split('/')
  const shift = 32 - Number(bits)
  return shift === 32 || number(ip) >>> shift === number(base) >>> shift
}

const number = (ip: string) => ip.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0)
