import { describe, expect, it } from 'vitest'
import type { Node, Pod, Taint, Toleration } from '../../api/types/core-v1.gen.ts'
import { evictionTime, silentConditions, wantedTaints } from './plan.ts'

const NOW = '2026-01-01T00:10:00Z'
const NOW_MS = Date.parse(NOW)
const node = (ready: string | undefined, spec: Node['spec'] = {}, more: readonly string[] = []): Node => ({
  metadata: { name: 'n' },
  spec,
  status: {
    conditions: [
      ...(ready === undefined ? [] : [{ type: 'Ready', status: ready }]),
      ...more.map((type) => ({ type, status: 'True' })),
    ],
  },
})
const key = (name: string) => `node.kubernetes.io/${name}`
const own: Taint = { key: 'example.com/mine', effect: 'NoSchedule' }

describe('taints', () => {
  const notReady: readonly Taint[] = [{ key: key('not-ready'), effect: 'NoSchedule' }]
  it.each([
    ['ready: none', node('True'), undefined],
    ['not ready', node('False'), ['not-ready:NoSchedule', 'not-ready:NoExecute']],
    ['unreachable', node('Unknown'), ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['cordoned', node('True', { unschedulable: true }), ['unschedulable:NoSchedule']],
    [
      'under pressure',
      node('True', {}, ['DiskPressure', 'MemoryPressure']),
      ['disk-pressure:NoSchedule', 'memory-pressure:NoSchedule'],
    ],
    ['new and silent keeps the one it came with', node(undefined, { taints: notReady }), undefined],
    ['ready now', node('True', { taints: notReady }), []],
  ])('%s', (_, subject, expected) => {
    const taints = wantedTaints(subject, { now: NOW, expels: true })?.map(
      (taint) => `${taint.key.replace('node.kubernetes.io/', '')}:${taint.effect}`,
    )
    expect(taints).toEqual(expected)
  })
  it('leaves those of others alone, and keeps the time of its own', () => {
    const old = { key: key('unreachable'), effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' }
    expect(wantedTaints(node('Unknown', { taints: [own, old] }), { now: NOW, expels: true })).toEqual([
      own,
      { key: key('unreachable'), effect: 'NoSchedule', timeAdded: NOW },
      old,
    ])
    expect(wantedTaints(node('True', { taints: [own] }), { now: NOW, expels: true })).toBeUndefined()
  })
})

it('drives nobody away when no node is ready', () => {
  const old = { key: key('unreachable'), effect: 'NoExecute' }
  const taints = wantedTaints(node('Unknown', { taints: [old] }), { now: NOW, expels: false })
  expect(taints?.map(({ effect }) => effect)).toEqual(['NoSchedule'])
})

it('turns the conditions of a silent node Unknown, and adds those it never had', () => {
  const conditions = silentConditions(node('True', {}, ['Custom']), NOW)
  expect(conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
    'Ready Unknown NodeStatusUnknown',
    'Custom True undefined',
    'MemoryPressure Unknown NodeStatusNeverUpdated',
    'DiskPressure Unknown NodeStatusNeverUpdated',
    'PIDPressure Unknown NodeStatusNeverUpdated',
  ])
})

describe('when a pod has to leave', () => {
  const gone: Taint = { key: 'gone', effect: 'NoExecute', timeAdded: '2026-01-01T00:08:00Z' }
  const due = (tolerations: readonly Toleration[], ...taints: readonly Taint[]) => {
    const pod: Pod = { metadata: {}, spec: { containers: [], tolerations } }
    const time = evictionTime(pod, taints, NOW_MS)
    return time === undefined ? undefined : (time - NOW_MS) / 1000
  }
  it.each([
    ['no NoExecute taint', [], [own], undefined],
    ['not tolerated', [], [gone], 0],
    ['tolerated for ever', [{ key: 'gone', operator: 'Exists' }], [gone], undefined],
    ['tolerated for 300 s', [{ key: 'gone', operator: 'Exists', tolerationSeconds: 300 }], [gone], 180],
    [
      'for ever by the first',
      [{ operator: 'Exists' }, { key: 'gone', operator: 'Exists', tolerationSeconds: 5 }],
      [gone],
      undefined,
    ],
    ['over long ago', [{ key: 'gone', operator: 'Exists', tolerationSeconds: 5 }], [gone], -115],
    ['another value', [{ key: 'gone', operator: 'Equal', value: 'x' }], [gone], 0],
    ['everything tolerated', [{ operator: 'Exists' }], [gone, { ...gone, key: 'b' }], undefined],
    ['one of two', [{ key: 'gone', operator: 'Exists' }], [gone, { ...gone, key: 'b' }], 0],
  ])('%s', (_, tolerations, taints, seconds) => {
    expect(due(tolerations, ...taints)).toBe(seconds)
  })
})
