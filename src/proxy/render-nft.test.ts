import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ProxyPlan, planAll } from './plan.ts'
import { diffCommands, fullCommands, renderRules } from './render-nft.ts'
import { type SampleEndpoint, type SampleService, service, slice } from './samples.ts'
import { type Packet, RuleModel, tracePacket } from './trace-packet.ts'

const NODE = 'node-1'
const CONFIG = { serviceCIDR: '10.96.0.0/16', clusterCIDR: '10.244.0.0/16', podCIDR: '10.244.0.0/24' }
const here = { ip: '10.244.0.5', node: NODE }
const here2 = { ip: '10.244.0.6', node: NODE }
const there = { ip: '10.244.1.7', node: 'node-2' }

function plan(...entries: readonly (readonly [SampleService, readonly SampleEndpoint[]])[]): ProxyPlan {
  return planAll(
    entries.map(([sample]) => service(sample)),
    entries.map(([sample, endpoints]) => slice({ service: sample.name ?? 'web', endpoints })),
    NODE,
  )
}

const rules = (p: ProxyPlan) => renderRules(p, CONFIG)
const change = (before: ProxyPlan, after: ProxyPlan) =>
  diffCommands(rules(before), rules(after)).map((command) => command.replace(' ip ebb-proxy', ''))

describe('golden rules', () => {
  it('[PN1] the ways of packets, without any Service', async () => {
    await expect(`${fullCommands(rules(new Map())).join('\n')}\n`).toMatchFileSnapshot('golden/no-services.nft')
  })

  it('[PN1] a cluster of each sort', async () => {
    const all = plan(
      [{ name: 'web', nodePort: 30080 }, [here, there]],
      [{ name: 'sticky', clusterIP: '10.96.0.11', sessionAffinity: 'ClientIP', timeoutSeconds: 60 }, [here, there]],
      [{ name: 'empty', clusterIP: '10.96.0.12', nodePort: 30082 }, []],
      [{ name: 'local', clusterIP: '10.96.0.13', nodePort: 30083, externalTrafficPolicy: 'Local' }, [here, there]],
      [{ name: 'dns', clusterIP: '10.96.0.14', ports: [{ port: 53, protocol: 'UDP' }] }, []],
    )
    await expect(`${fullCommands(rules(all)).join('\n')}\n`).toMatchFileSnapshot('golden/each-sort.nft')
  })
})

describe('incremental commands', () => {
  it('[PN5] nothing changed, nothing said', () => {
    expect(change(plan([{}, [here]]), plan([{}, [here]]))).toEqual([])
  })

  it('[PN5] an endpoint goes: its chain says something else, at once', () => {
    expect(change(plan([{}, [here, there]]), plan([{}, [there]]))).toEqual([
      'flush chain svc/default/web/tcp/80',
      'add rule svc/default/web/tcp/80 meta l4proto tcp dnat ip to numgen random mod 1 map { 0 : 10.244.1.7 . 8080 }',
      'delete element hairpin { 10.244.0.5 . 10.244.0.5 }',
    ])
  })

  it('[PN5] the last endpoint goes: the address moves from the routes to the refusals', () => {
    expect(change(plan([{}, [there]]), plan([{}, []]))).toEqual([
      'flush chain svc/default/web/tcp/80',
      'delete element service-ips { 10.96.0.10 . tcp . 80 }',
      'add element no-endpoint-ips { 10.96.0.10 . tcp . 80 : goto reject-it }',
      'delete chain svc/default/web/tcp/80',
    ])
  })

  it('[PN6] names too long for nft are cut, and stay apart', () => {
    const long = (last: string) => ({ name: `${'n'.repeat(62)}${last}`, clusterIP: `10.96.0.2${last}` })
    const ns = (sample: SampleService) => ({
      ...service(sample),
      metadata: { name: sample.name ?? '', namespace: 'm'.repeat(63) },
    })
    const of = (sample: SampleService) => ({
      ...slice({ service: sample.name ?? '', endpoints: [here] }),
      metadata: {
        name: `${sample.name}-x`,
        namespace: 'm'.repeat(63),
        labels: { 'kubernetes.io/service-name': sample.name ?? '' },
      },
    })
    const both = planAll([ns(long('1')), ns(long('2'))], [of(long('1')), of(long('2'))], NODE)
    const chains = [...rules(both).chains.keys()].filter((name) => name.startsWith('svc/'))
    expect(chains).toHaveLength(2)
    for (const name of chains) expect(name.length).toBeLessThanOrEqual(110)
  })
})

/** Outcomes for each answer of `numgen`: `10.244.0.5:8080 | 10.244.1.7:8080 masqueraded`. */
function fate(p: ProxyPlan, packet: Partial<Packet>): string {
  const outcomes: string[] = []
  for (let choice = 0; choice < 2; choice++) {
    const table = new RuleModel()
    table.execute(fullCommands(rules(p)))
    const full: Packet = {
      from: '10.244.0.9',
      to: '10.96.0.10',
      protocol: 'tcp',
      port: 80,
      hook: 'prerouting',
      nodeAddresses: ['192.168.1.10', '10.244.0.1'],
      ...packet,
    }
    const end = tracePacket(table, full, (n) => choice % n)
    const masquerade = 'masqueraded' in end && end.masqueraded ? ' masqueraded' : ''
    const text = end.outcome === 'dnat' ? `${end.ip}:${end.port}${masquerade}` : `${end.outcome}${masquerade}`
    if (!outcomes.includes(text)) outcomes.push(text)
  }
  return outcomes.join(' | ')
}

const node = { from: '10.244.0.1', hook: 'output' } as const
const outside = { from: '203.0.113.7', to: '192.168.1.10', port: 30080 }
const fates: readonly (readonly [string, string, ProxyPlan, Partial<Packet>, string])[] = [
  [
    'PN2',
    'a pod reaches each backend with its own address',
    plan([{}, [here, there]]),
    {},
    '10.244.0.5:8080 | 10.244.1.7:8080',
  ],
  ['PN2', 'the node reaches a backend of its own', plan([{}, [here]]), node, '10.244.0.5:8080'],
  [
    'PN1',
    'the node reaches a backend elsewhere under its outer address',
    plan([{}, [there]]),
    { ...node, from: '192.168.1.10' },
    '10.244.1.7:8080 masqueraded',
  ],
  [
    'PN1',
    'a pod that reaches itself is masqueraded, or its answers would go astray',
    plan([{}, [here]]),
    { from: '10.244.0.5' },
    '10.244.0.5:8080 masqueraded',
  ],
  ['PN1', 'a pod that leaves for the world is masqueraded', plan(), { to: '198.51.100.1' }, 'pass masqueraded'],
  ['PN1', 'a pod that goes to a pod is not', plan(), { to: '10.244.1.7' }, 'pass'],
  ['PN4', 'no endpoints: refused', plan([{}, []]), {}, 'reject'],
  ['PN4', 'no endpoints, from the node: refused', plan([{}, []]), node, 'reject'],
  ['PN4', "a port that the Service doesn't have: refused", plan([{}, [here]]), { port: 81 }, 'reject'],
  ['PN4', 'the protocol that the Service does not have: refused', plan([{}, [here]]), { protocol: 'udp' }, 'reject'],
  ['PN4', 'an address that no Service has: dropped', plan([{}, [here]]), { to: '10.96.9.9' }, 'drop'],
  [
    'PN4',
    'internalTrafficPolicy Local without local endpoints: dropped',
    plan([{ internalTrafficPolicy: 'Local' }, [there]]),
    {},
    'drop',
  ],
  [
    'PN4',
    'a node port from outside is masqueraded',
    plan([{ nodePort: 30080 }, [here]]),
    outside,
    '10.244.0.5:8080 masqueraded',
  ],
  ['PN4', 'a node port without endpoints: refused', plan([{ nodePort: 30080 }, []]), outside, 'reject'],
  [
    'PN4',
    'a node port on the node itself',
    plan([{ nodePort: 30080 }, [here]]),
    { ...node, to: '192.168.1.10', port: 30080 },
    '10.244.0.5:8080 masqueraded',
  ],
  [
    'PN4',
    'externalTrafficPolicy Local keeps the source and the node',
    plan([{ nodePort: 30080, externalTrafficPolicy: 'Local' }, [here, there]]),
    outside,
    '10.244.0.5:8080',
  ],
  [
    'PN4',
    'externalTrafficPolicy Local without local endpoints drops what comes from outside',
    plan([{ nodePort: 30080, externalTrafficPolicy: 'Local' }, [there]]),
    outside,
    'drop',
  ],
  [
    'PN4',
    'but not what a pod of this node sends',
    plan([{ nodePort: 30080, externalTrafficPolicy: 'Local' }, [there]]),
    { to: '192.168.1.10', port: 30080 },
    '10.244.1.7:8080',
  ],
  [
    'PN4',
    'nor what it sends while the cluster IP is for this node alone',
    plan([{ nodePort: 30080, externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' }, [there]]),
    { to: '192.168.1.10', port: 30080 },
    '10.244.1.7:8080',
  ],
  [
    'PN4',
    'an external IP is masqueraded',
    plan([{ externalIPs: ['203.0.113.9'] }, [there]]),
    { ...outside, to: '203.0.113.9', port: 80 },
    '10.244.1.7:8080 masqueraded',
  ],
  [
    'PN4',
    'an external IP goes by the external policy',
    plan([{ externalIPs: ['203.0.113.9'], externalTrafficPolicy: 'Local' }, [here, there]]),
    { ...outside, to: '203.0.113.9', port: 80 },
    '10.244.0.5:8080',
  ],
  [
    'PN4',
    'and not by the internal one',
    plan([{ externalIPs: ['203.0.113.9'], internalTrafficPolicy: 'Local' }, [there]]),
    { to: '203.0.113.9' },
    '10.244.1.7:8080 masqueraded',
  ],
  [
    'PN4',
    'an external IP without endpoints: refused',
    plan([{ externalIPs: ['203.0.113.9'] }, []]),
    { to: '203.0.113.9' },
    'reject',
  ],
  [
    'PN4',
    'other ports of an external IP are not ours',
    plan([{ externalIPs: ['203.0.113.9'] }, [here]]),
    { to: '203.0.113.9', port: 22 },
    'pass masqueraded',
  ],
  [
    'PN3',
    'a new client of a sticky Service goes anywhere',
    plan([{ sessionAffinity: 'ClientIP' }, [here, there]]),
    {},
    '10.244.0.5:8080 | 10.244.1.7:8080',
  ],
  [
    'PN2',
    'UDP goes by the same ways',
    plan([{ ports: [{ port: 80, protocol: 'UDP' }] }, []]),
    { protocol: 'udp' },
    'reject',
  ],
  ['PN1', 'what is not a Service is let alone', plan([{}, [here]]), { to: '10.244.0.5', port: 22 }, 'pass'],
]

describe('what becomes of a packet', () => {
  for (const [rule, name, p, packet, expected] of fates)
    it(`[${rule}] ${name}`, () => {
      expect(fate(p, packet)).toBe(expected)
    })

  it('[PN3] a client keeps its backend until that one goes', () => {
    const sticky = (...endpoints: SampleEndpoint[]) => plan([{ sessionAffinity: 'ClientIP' }, endpoints])
    const table = new RuleModel()
    const before = rules(sticky(here, there))
    table.execute(fullCommands(before))
    const packet: Packet = { from: '10.244.0.9', to: '10.96.0.10', protocol: 'tcp', port: 80, hook: 'prerouting' }
    expect(tracePacket(table, packet, () => 1)).toMatchObject({ ip: there.ip })
    expect(tracePacket(table, packet, () => 0)).toMatchObject({ ip: there.ip })
    const grown = rules(sticky(here, here2, there))
    table.execute(diffCommands(before, grown))
    expect(tracePacket(table, packet, () => 0)).toMatchObject({ ip: there.ip })
    table.execute(diffCommands(grown, rules(sticky(here, here2))))
    expect(tracePacket(table, packet, () => 0)).toMatchObject({ ip: here.ip })
  })
})

describe('any sequence of plans', () => {
  const endpoint: fc.Arbitrary<SampleEndpoint> = fc.record({
    ip: fc.integer({ min: 1, max: 6 }).map((n) => `10.244.${n % 2}.${n}`),
    node: fc.constantFrom(NODE, 'node-2'),
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
  })
  const sample = fc
    .record({
      index: fc.integer({ min: 0, max: 3 }),
      // Few addresses and node ports on purpose: two Services may claim the same.
      address: fc.integer({ min: 0, max: 4 }),
      externalIP: fc.option(fc.constantFrom('203.0.113.8', '203.0.113.9'), { nil: undefined }),
      nodePort: fc.option(fc.integer({ min: 30000, max: 30002 }), { nil: undefined }),
      sticky: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
      internalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
      endpoints: fc.array(endpoint, { maxLength: 4 }),
    })
    .map(
      ({ index, address, externalIP, nodePort, sticky, endpoints, ...policies }): [SampleService, SampleEndpoint[]] => [
        {
          name: `s${index}`,
          clusterIP: `10.96.0.${address}`,
          ...(nodePort ? { nodePort } : {}),
          ...(externalIP ? { externalIPs: [externalIP] } : {}),
          ...(sticky ? { sessionAffinity: 'ClientIP', timeoutSeconds: sticky } : {}),
          ...policies,
        },
        endpoints,
      ],
    )
  const cluster = fc.uniqueArray(sample, { maxLength: 4, selector: ([s]) => s.name }).map((entries) => plan(...entries))

  it('[PN5] changes lead to the same table as a full replacement', () => {
    void fc.assert(
      fc.property(fc.array(cluster, { minLength: 1, maxLength: 8 }), (plans) => {
        const table = new RuleModel()
        let before = rules(new Map())
        table.execute(fullCommands(before))
        for (const next of plans) {
          const after = rules(next)
          table.execute(diffCommands(before, after))
          before = after
          const fresh = new RuleModel()
          fresh.execute(fullCommands(after))
          expect(table.toString()).toBe(fresh.toString())
        }
      }),
      { numRuns: 200 },
    )
  })

  it('[PN2] a packet to a Service reaches one of its backends, or is refused when it has none', () => {
    void fc.assert(
      fc.property(cluster, fc.nat(), (p, choice) => {
        const table = new RuleModel()
        table.execute(fullCommands(rules(p)))
        const claimed = new Set<string>()
        for (const port of p.values()) {
          const to = port.clusterIPs[0] ?? ''
          if (claimed.has(to)) continue
          claimed.add(to)
          const end = tracePacket(
            table,
            { from: '10.244.0.99', to, protocol: 'tcp', port: port.port, hook: 'prerouting' },
            (n) => choice % n,
          )
          if (end.outcome === 'dnat')
            expect(port.cluster.backends).toContainEqual(expect.objectContaining({ ip: end.ip }))
          else expect([end.outcome, port.cluster.backends]).toEqual([port.cluster.none, []])
        }
      }),
    )
  })
})
