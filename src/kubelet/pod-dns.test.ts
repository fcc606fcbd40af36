import { describe, expect, it } from 'vitest'
import type { PodSpec } from '../api/types/core-v1.gen.ts'
import { type NodeDns, parseResolv, podDns } from './pod-dns.ts'

const host = { servers: ['192.0.2.1'], searches: ['corp.example'], options: ['edns0', 'timeout:2'] }
const node: NodeDns = { servers: ['10.96.0.10'], clusterDomain: 'cluster.local', host }
const cluster = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local']

const of = (spec: Partial<PodSpec>, at = node) =>
  podDns({ metadata: { namespace: 'shop' }, spec: { containers: [], ...spec } }, at)

describe('by policy', () => {
  const asHost = host
  const asCluster = { servers: ['10.96.0.10'], searches: [...cluster, 'corp.example'], options: ['ndots:5'] }
  it.each<[string, Partial<PodSpec>, object]>([
    ['none given', {}, asCluster],
    ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }, asCluster],
    ["ClusterFirst in the node's network", { dnsPolicy: 'ClusterFirst', hostNetwork: true }, asHost],
    ['ClusterFirstWithHostNet', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, asCluster],
    ['Default', { dnsPolicy: 'Default' }, asHost],
    [
      'None',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.b'] } },
      { servers: ['1.1.1.1'], searches: ['a.b'], options: [] },
    ],
  ])('%s', (_, spec, expected) => {
    expect(of(spec)).toEqual({ dns: expected, warnings: [] })
  })

  it("without cluster DNS: the node's own", () => {
    expect(of({}, { ...node, servers: [] }).dns).toEqual(host)
  })
})

describe('dnsConfig', () => {
  it('comes behind; what is there already is not said twice, an option takes the place of its like', () => {
    const dnsConfig = {
      nameservers: ['10.96.0.10', '1.1.1.1'],
      searches: ['cluster.local', 'my.dns'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    }
    expect(of({ dnsConfig }).dns).toEqual({
      servers: ['10.96.0.10', '1.1.1.1'],
      searches: [...cluster, 'corp.example', 'my.dns'],
      options: ['ndots:2', 'edns0'],
    })
  })

  it('beyond three servers', () => {
    const { dns, warnings } = of({ dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'] } })
    expect(dns.servers).toEqual(['10.96.0.10', '1.1.1.1', '2.2.2.2'])
    expect(warnings).toEqual([
      'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 1.1.1.1 2.2.2.2',
    ])
  })

  it.each([
    ['32 paths', Array.from({ length: 40 }, (_, i) => `d${i}.example`), 32],
    ['2048 characters', Array.from({ length: 20 }, (_, i) => `${i}${'x'.repeat(198)}`.slice(0, 200)), 13],
  ])('beyond %s', (_, searches, kept) => {
    const { dns, warnings } = of({ dnsConfig: { searches } })
    expect(dns.searches).toEqual([...cluster, 'corp.example', ...searches].slice(0, kept))
    expect(warnings[0]).toBe(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${dns.searches.join(' ')}`,
    )
  })
})

it('reads a resolv.conf', () => {
  const text =
    '# a comment\n; another\nnameserver 1.1.1.1\n search a.example.\nnameserver\t2001:db8::1 \nsearch b.example. .\noptions ndots:1 edns0\n'
  expect(parseResolv(text)).toEqual({
    servers: ['1.1.1.1', '2001:db8::1'],
    searches: ['b.example', '.'],
    options: ['ndots:1', 'edns0'],
  })
  expect(parseResolv('')).toEqual({ servers: [], searches: [], options: [] })
})
