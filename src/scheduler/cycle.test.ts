import { describe, expect, it } from 'vitest'
import type { Node, NodeSelectorTerm, Pod } from '../api/types/core-v1.gen.ts'
import { SeededRandom } from '../base/random.ts'
import { drain } from '../sim/drain.node.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { chooseNode } from './cycle.ts'
import { SchedulingQueue } from './queue.ts'
import { requestsOf } from './requests.ts'
import { Snapshot } from './snapshot.ts'

const node = (name: string, more: Partial<Node> = {}, allocatable: Record<string, string> = {}): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10', ...allocatable } },
  ...more,
})
const pod = (name: string, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name, namespace: 'ns', uid: name },
  spec: { containers: [{ name: 'c' }], ...spec },
})
const asking = (name: string, requests: Record<string, string>) =>
  pod(name, { containers: [{ name: 'c', resources: { requests } }] })

function choose(subject: Pod, nodes: readonly Node[], placed: readonly (readonly [Pod, string])[] = []) {
  const snapshot = new Snapshot()
  for (const each of nodes) snapshot.setNode(each)
  for (const [each, name] of placed) snapshot.setPod(each, name)
  const choice = chooseNode(subject, snapshot.nodes(), new SeededRandom(1))
  return 'node' in choice ? choice.node : choice.message.replace(/ no new claims.*/, '')
}
const term = (operator: string, values?: string[], key = 'disk'): NodeSelectorTerm => ({
  matchExpressions: [{ key, operator, ...(values ? { values } : {}) }],
})
const affinity = (...nodeSelectorTerms: NodeSelectorTerm[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
})

describe('where a pod may go', () => {
  const ssd = node('ssd', { metadata: { name: 'ssd', labels: { disk: 'ssd', size: '10' } } })
  const plain = node('plain')
  it.each([
    ['nodeSelector', { nodeSelector: { disk: 'ssd' } }, 'ssd'],
    ['In', affinity(term('In', ['hdd', 'ssd'])), 'ssd'],
    ['NotIn', affinity(term('NotIn', ['ssd'])), 'plain'],
    ['Exists', affinity(term('Exists')), 'ssd'],
    ['DoesNotExist', affinity(term('DoesNotExist')), 'plain'],
    ['Gt', affinity(term('Gt', ['9'], 'size')), 'ssd'],
    ['Lt', affinity(term('Lt', ['11'], 'size')), 'ssd'],
    ['one of several terms', affinity(term('In', ['none']), term('Exists')), 'ssd'],
    ['by name', affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['plain'] }] }), 'plain'],
    [
      'an empty term matches nothing',
      affinity({}),
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    ],
  ])('%s', (_, spec, expected) => {
    expect(choose(pod('p', spec), [ssd, plain])).toBe(expected)
  })
})

describe('why it does not', () => {
  const tainted = (effect: string) => node('t', { spec: { taints: [{ key: 'k', effect }] } })
  const holder = pod('holder', { containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort: 80 }] }] })
  it.each([
    ['cordoned', pod('p'), [node('a', { spec: { unschedulable: true } })], [], '1 node(s) were unschedulable'],
    [
      'tainted',
      pod('p'),
      [tainted('NoSchedule'), tainted('NoExecute')].slice(0, 1),
      [],
      '1 node(s) had untolerated taint(s)',
    ],
    ['cpu', asking('p', { cpu: '1500m' }), [node('a')], [[asking('x', { cpu: '1' }), 'a']], '1 Insufficient cpu'],
    [
      'cpu and memory',
      asking('p', { cpu: '3', memory: '5Gi' }),
      [node('a')],
      [],
      '1 Insufficient cpu, 1 Insufficient memory',
    ],
    ['other resources', asking('p', { 'example.com/gpu': '1' }), [node('a')], [], '1 Insufficient example.com/gpu'],
    ['too many pods', pod('p'), [node('a', {}, { pods: '1' })], [[pod('x'), 'a']], '1 Too many pods'],
    [
      'port taken',
      holder,
      [node('a')],
      [[{ ...holder, metadata: { name: 'o', namespace: 'ns' } }, 'a']],
      "1 node(s) didn't have free ports for the requested pod ports",
    ],
    [
      'port taken by a sidecar',
      holder,
      [node('a')],
      [
        [
          pod('o', {
            initContainers: [{ name: 's', restartPolicy: 'Always', ports: [{ containerPort: 1, hostPort: 80 }] }],
          }),
          'a',
        ],
      ],
      "1 node(s) didn't have free ports for the requested pod ports",
    ],
    [
      'each for its reason',
      asking('p', { cpu: '3' }),
      [node('a'), node('b', { spec: { unschedulable: true } })],
      [],
      '1 Insufficient cpu, 1 node(s) were unschedulable',
    ],
  ] as const)('%s', (...[, subject, nodes, placed, reasons]) => {
    expect(choose(subject, nodes, placed)).toBe(`0/${nodes.length} nodes are available: ${reasons}.`)
  })
})

it('prefers the node with most left, and nodes without a dislike', () => {
  const nodes = [node('full'), node('empty')]
  expect(choose(asking('p', { cpu: '100m' }), nodes, [[asking('x', { cpu: '1500m' }), 'full']])).toBe('empty')
  const disliked = node('empty', { spec: { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] } })
  expect(choose(pod('p'), [node('full'), disliked], [[asking('x', { cpu: '500m' }), 'full']])).toBe('full')
})

it('adds requests up as the kubelet does', () => {
  const container = (name: string, cpu: string, more = {}) => ({ name, resources: { requests: { cpu } }, ...more })
  const subject = pod('p', {
    containers: [container('a', '100m'), container('b', '200m')],
    initContainers: [
      container('big', '1'),
      container('sidecar', '50m', { restartPolicy: 'Always' }),
      container('i', '900m'),
    ],
    overhead: { cpu: '10m' },
  })
  // The largest init phase: `big` alone, 1000; `i` beside the sidecar, 950; the containers with the sidecar, 350.
  expect(requestsOf(subject).get('cpu')).toBe(1010)
})

it('forgets what a pod took when it goes, and a node with it', () => {
  const snapshot = new Snapshot()
  snapshot.setNode(node('a'))
  snapshot.setPod(asking('x', { cpu: '1' }), 'a')
  snapshot.setPod(asking('x', { cpu: '500m' }), 'a')
  expect(snapshot.node('a')?.requested.get('cpu')).toBe(500)
  expect(snapshot.removePod('ns/x')).toBe('a')
  expect(snapshot.node('a')?.requested.get('cpu')).toBe(0)
  snapshot.removeNode(node('a'))
  expect(snapshot.nodes()).toEqual([])
})

it('takes by priority, then by age; parked pods wait for a change, failed ones for their back-off', async () => {
  const clock = new SimClock({ drain })
  const queue = new SchedulingQueue(clock)
  queue.add('old', 0)
  queue.add('young', 0)
  queue.add('urgent', 9)
  expect([queue.take(), queue.take(), queue.take(), queue.take()]).toEqual(['urgent', 'old', 'young', undefined])
  const refusals = new Map([['n', 'full']])
  queue.park('old', refusals)
  queue.retry('young')
  queue.remove('urgent')
  queue.wake((key) => key === 'other')
  expect(queue.take()).toBeUndefined()
  queue.wake((_, told) => told === refusals)
  expect([queue.take(), queue.take()]).toEqual(['old', undefined])
  await clock.advance(100)
  expect(queue.take()).toBe('young')
  queue.retry('young')
  await clock.advance(199)
  expect(queue.take()).toBeUndefined()
  await clock.advance(1)
  expect(queue.take()).toBe('young')
  queue.park('old', refusals)
  await clock.advance(300_000)
  expect(queue.take()).toBe('old')
})
