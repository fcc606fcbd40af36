import { describe, expect, it } from 'vitest'
import { rfc3339 } from '../../api/time.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { nextAvailableIn, planReplicas, rankForDeletion, replicaStatus } from './plan.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')

interface Sketch {
  readonly name: string
  readonly node?: string
  readonly phase?: string
  /** Seconds for which it has been ready. */
  readonly ready?: number
  readonly age?: number
  readonly cost?: string
  readonly restarts?: number
  readonly ending?: boolean
  readonly labels?: Record<string, string>
}

function pod({
  name,
  node = 'n',
  phase = 'Running',
  ready,
  age = 100,
  cost,
  restarts = 0,
  ending,
  labels,
}: Sketch): Pod {
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: rfc3339(NOW - age * 1000),
      ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
      ...(ending ? { deletionTimestamp: rfc3339(NOW) } : {}),
      labels: labels ?? {},
    },
    spec: { containers: [], ...(node ? { nodeName: node } : {}) },
    status: {
      phase,
      ...(ready === undefined
        ? {}
        : { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: rfc3339(NOW - ready * 1000) }] }),
      containerStatuses: [{ name: 'c', restartCount: restarts, ready: true, image: '', imageID: '' }],
    },
  }
}

describe('which pods go first on scale-down', () => {
  const better: readonly (readonly [string, Omit<Sketch, 'name'>, Omit<Sketch, 'name'>])[] = [
    ['unassigned before assigned', { node: '' }, {}],
    ['Pending before Unknown', { phase: 'Pending' }, { phase: 'Unknown' }],
    ['Unknown before Running', { phase: 'Unknown' }, { phase: 'Running' }],
    ['not ready before ready', {}, { ready: 50 }],
    ['not ready before lower cost', { cost: '10' }, { ready: 50, cost: '-10' }],
    ['lower cost before higher', { ready: 50, cost: '-1' }, { ready: 50 }],
    ['ready for a shorter time before longer', { ready: 3 }, { ready: 900 }],
    ['more restarts before fewer', { ready: 50, restarts: 3 }, { ready: 50, restarts: 1 }],
    ['younger before older', { ready: 5, age: 8 }, { ready: 5, age: 4000 }],
    ['ready for about as long: by uid, whatever the restarts', { ready: 900 }, { ready: 800, restarts: 3 }],
  ]
  it.each(better)('%s', (_, first, second) => {
    const [a, b] = [pod({ name: 'a', ...first }), pod({ name: 'b', ...second })]
    expect(rankForDeletion([a, b], [], NOW)).toEqual([a, b])
    expect(rankForDeletion([b, a], [], NOW)).toEqual([a, b])
  })

  it('goes by the power of two of an age, and then by uid', () => {
    const [a, b] = [pod({ name: 'a', ready: 900 }), pod({ name: 'b', ready: 600 })]
    expect(rankForDeletion([b, a], [], NOW)).toEqual([a, b])
    // 2^38 ns lie between them, and no power of two in ms.
    const [older, younger] = [pod({ name: 'a', ready: 283 }), pod({ name: 'b', ready: 267 })]
    expect(rankForDeletion([older, younger], [], NOW)).toEqual([younger, older])
  })

  it('thins out the node with most relatives', () => {
    const pods = [1, 2, 3].map((i) => pod({ name: `crowd-${i}`, node: 'full', ready: 50 }))
    const lone = pod({ name: 'a-lone', node: 'empty', ready: 50 })
    const ranked = rankForDeletion([lone, ...pods], [lone, ...pods], NOW)
    expect(ranked.at(-1)).toBe(lone)
  })
})

it.each([
  ['missing ones are created', 3, [{ name: 'a' }], 2, []],
  ['a terminating one does not count', 2, [{ name: 'a' }, { name: 'b', ending: true }], 1, []],
  ['a terminal one does not count', 1, [{ name: 'a', phase: 'Failed' }], 1, []],
  ['surplus ones are deleted', 1, [{ name: 'a', ready: 5 }, { name: 'b' }], 0, ['b']],
  ['terminating ones are not deleted again', 0, [{ name: 'a', ending: true }], 0, []],
  ['enough is enough', 1, [{ name: 'a' }], 0, []],
  ['at most 500 in one go', 2000, [], 500, []],
] as const)('%s', (...[, desired, sketches, create, deleted]) => {
  const pods = (sketches as readonly Sketch[]).map(pod)
  const plan = planReplicas({ desired, pods, related: () => pods, now: NOW })
  expect(plan.create).toBe(create)
  expect(plan.delete.map(({ metadata }) => metadata.name)).toEqual(deleted)
})

it('counts for the status, with minReadySeconds', () => {
  const pods = [
    pod({ name: 'new', ready: 3, labels: { app: 'x', extra: 'y' } }),
    pod({ name: 'old', ready: 30, labels: { app: 'x' } }),
    pod({ name: 'starting', labels: { app: 'x', extra: 'y' } }),
    pod({ name: 'ending', ready: 30, ending: true }),
    pod({ name: 'over', phase: 'Succeeded', ending: true }),
  ]
  const input = { pods, templateLabels: { app: 'x', extra: 'y' }, minReadySeconds: 10, now: NOW }
  expect(replicaStatus(input)).toEqual({
    replicas: 3,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 1,
    terminatingReplicas: 1,
  })
  expect(nextAvailableIn(input)).toBe(7000)
  expect(nextAvailableIn({ ...input, minReadySeconds: 0 })).toBeUndefined()
})
