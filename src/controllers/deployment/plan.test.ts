import { describe, expect, it } from 'vitest'
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import { boundsOf } from './bounds.ts'
import { newSetReplicas, planCleanup, planRecreate, planRolling, planScaling } from './plan.ts'
import { byRevision, findNewSet, newSetAnnotations, nextRevision } from './revision.ts'
import { countStatus, rolloutStatus, sameStatus } from './status.ts'
import { sameTemplate, templateHash } from './template.ts'

function deployment(spec: Partial<Deployment['spec']>, more: Partial<Deployment> = {}): Deployment {
  return {
    metadata: { name: 'web', namespace: 'ns', generation: 1 },
    spec: { selector: { matchLabels: { app: 'web' } }, template: template('1'), ...spec },
    ...more,
  }
}
const template = (version: string) => ({ metadata: { labels: { app: 'web' }, annotations: { version } } })

interface Size {
  readonly replicas: number
  readonly available?: number
  readonly actual?: number
  readonly max?: number
  readonly desired?: number
  readonly revision?: number
}

let age = 0
function set(
  name: string,
  { replicas, available = replicas, actual = replicas, max, desired, revision }: Size,
): ReplicaSet {
  const prefix = 'deployment.kubernetes.io'
  return {
    metadata: {
      name,
      uid: name,
      generation: 1,
      creationTimestamp: `2026-01-01T00:00:${String(age++ % 60).padStart(2, '0')}Z`,
      annotations: {
        ...(max === undefined ? {} : { [`${prefix}/max-replicas`]: String(max) }),
        ...(desired === undefined ? {} : { [`${prefix}/desired-replicas`]: String(desired) }),
        ...(revision === undefined ? {} : { [`${prefix}/revision`]: String(revision) }),
      },
    },
    spec: { replicas, selector: {}, template: template(name) },
    status: { replicas: actual, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
  }
}
const rolling = (maxSurge: number | string, maxUnavailable: number | string) => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
})

it.each([
  [3, '25%', '25%', 1, 0],
  [10, '25%', '25%', 3, 2],
  [4, '50%', '50%', 2, 2],
  [3, 0, 1, 0, 1],
  [3, 0, 0, 0, 1],
  [1, '25%', '25%', 1, 0],
  [2, 5, 5, 5, 2],
  [0, '25%', '25%', 0, 0],
])(
  'bounds of %i replicas with maxSurge %s and maxUnavailable %s',
  (...[replicas, surge, unavailable, maxSurge, maxUnavailable]) => {
    const bounds = boundsOf(deployment({ replicas, ...rolling(surge, unavailable) }))
    // Neither of both would stand still, also for 0 replicas; more than there are is no use.
    expect(bounds).toEqual({ desired: replicas, maxSurge, maxUnavailable: replicas === 0 ? 0 : maxUnavailable })
  },
)

describe('the next step of a rolling update', () => {
  const step = (spec: Partial<Deployment['spec']>, newSize: Size, ...oldSizes: Size[]) => {
    const newSet = set('new', newSize)
    const oldSets = oldSizes.map((size, i) => set(`old-${i}`, size))
    return planRolling(deployment(spec), { newSet, oldSets }).map(
      (scale) => `${scale.set.metadata.name} ${scale.replicas}`,
    )
  }
  const three = { replicas: 3, ...rolling('25%', '25%') }
  it.each([
    ['waits for the new pod', three, { replicas: 1, available: 0 }, [{ replicas: 3 }], []],
    ['ends an old one for each new one', three, { replicas: 1 }, [{ replicas: 3 }], ['old-0 2']],
    ['grows when there is room', three, { replicas: 1 }, [{ replicas: 2 }], ['new 2']],
    ['ends the last old one', three, { replicas: 3 }, [{ replicas: 1 }], ['old-0 0']],
    ['is through', three, { replicas: 3 }, [{ replicas: 0 }], []],
    ['shrinks the new one to the size', three, { replicas: 5 }, [{ replicas: 1 }], ['new 3']],
    ['without surge ends first', { replicas: 3, ...rolling(0, 1) }, { replicas: 0 }, [{ replicas: 3 }], ['old-0 2']],
    ['without surge then grows', { replicas: 3, ...rolling(0, 1) }, { replicas: 0 }, [{ replicas: 2 }], ['new 1']],
    [
      'ends unhealthy old ones without waiting',
      { replicas: 4, ...rolling(1, 1) },
      { replicas: 1, available: 0 },
      [{ replicas: 4, available: 2 }],
      ['old-0 3'],
    ],
    [
      'takes the oldest first',
      { replicas: 4, ...rolling(0, '50%') },
      { replicas: 0 },
      [{ replicas: 1 }, { replicas: 3 }],
      ['old-0 0', 'old-1 2'],
    ],
  ] as const)('%s', (...[, spec, newSize, oldSizes, expected]) => {
    expect(step(spec, newSize, ...oldSizes)).toEqual(expected)
  })
  it('starts the new one within the surge', () => {
    const sets = { newSet: undefined, oldSets: [set('old', { replicas: 3 })] }
    expect(newSetReplicas(deployment(three), sets)).toBe(1)
    expect(newSetReplicas(deployment({ replicas: 3, ...rolling(0, 1) }), sets)).toBe(0)
    expect(newSetReplicas(deployment(three), { newSet: undefined, oldSets: [] })).toBe(3)
    expect(newSetReplicas(deployment({ replicas: 3, strategy: { type: 'Recreate' } }), sets)).toBe(3)
  })
})

it('with Recreate scales down, waits for the end of all pods, then fills', () => {
  const live = { metadata: {}, spec: { containers: [] }, status: { phase: 'Running' } }
  const over = { metadata: {}, spec: { containers: [] }, status: { phase: 'Succeeded' } }
  const old = set('old', { replicas: 2 })
  expect(planRecreate({ newSet: undefined, oldSets: [old] }, () => [live])).toEqual({
    step: 'scale',
    scales: [{ set: old, replicas: 0 }],
  })
  const empty = set('empty', { replicas: 0 })
  expect(planRecreate({ newSet: undefined, oldSets: [empty] }, () => [live])).toEqual({ step: 'wait' })
  expect(planRecreate({ newSet: undefined, oldSets: [empty] }, () => [over])).toEqual({ step: 'fill' })
})

describe('scaling in proportion', () => {
  const scaled = (replicas: number, newSize: Size, ...oldSizes: Size[]) => {
    const newSet = set('new', newSize)
    const oldSets = oldSizes.map((size, i) => set(`old-${i}`, size))
    const scales = planScaling(deployment({ replicas, ...rolling(0, 1) }), { newSet, oldSets })
    return Object.fromEntries(scales.map((scale) => [scale.set.metadata.name, scale.replicas]))
  }
  it.each([
    ['only the new one', 5, { replicas: 3 }, [{ replicas: 0 }], { new: 5 }],
    ['only an old one', 5, { replicas: 0 }, [{ replicas: 3 }], { 'old-0': 5 }],
    ['both grow', 20, { replicas: 5, max: 10 }, [{ replicas: 5, max: 10 }], { new: 10, 'old-0': 10 }],
    ['both shrink', 5, { replicas: 6, max: 10 }, [{ replicas: 4, max: 10 }], { new: 3, 'old-0': 2 }],
    ['to nothing', 0, { replicas: 6, max: 10 }, [{ replicas: 4, max: 10 }], { new: 0, 'old-0': 0 }],
    ['the largest takes the rest', 11, { replicas: 8, max: 10 }, [{ replicas: 2, max: 10 }], { new: 9, 'old-0': 2 }],
    ['a complete rollout drops the old ones', 3, { replicas: 3, desired: 3 }, [{ replicas: 1 }], { 'old-0': 0 }],
  ] as const)('%s', (...[, replicas, newSize, oldSizes, expected]) => {
    expect(scaled(replicas, newSize, ...oldSizes)).toEqual(expected)
  })
})

it('cleans up the oldest empty ReplicaSets beyond the limit', () => {
  const sets = [5, 1, 3, 2, 4].map((revision) => set(`r${revision}`, { replicas: revision === 2 ? 1 : 0, revision }))
  const gone = planCleanup(deployment({ revisionHistoryLimit: 2 }), sets, byRevision)
  expect(gone.map(({ metadata }) => metadata.name)).toEqual(['r1', 'r3'])
  expect(planCleanup(deployment({ revisionHistoryLimit: 5 }), sets, byRevision)).toEqual([])
})

describe('revisions', () => {
  const prefix = 'deployment.kubernetes.io'
  it('hands the own annotations down, not the bookkeeping', () => {
    const annotations = {
      note: 'x',
      [`${prefix}/revision`]: '7',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    }
    const owner = deployment({ replicas: 2, ...rolling(1, 0) }, { metadata: { name: 'web', annotations } })
    expect(newSetAnnotations(owner, undefined, 8n)).toEqual({
      note: 'x',
      [`${prefix}/revision`]: '8',
      [`${prefix}/desired-replicas`]: '2',
      [`${prefix}/max-replicas`]: '3',
    })
  })
  it('counts in 64 bits, exactly', () => {
    const old = (revision: string): ReplicaSet => {
      const made = set('old', { replicas: 1 })
      return { ...made, metadata: { ...made.metadata, annotations: { [`${prefix}/revision`]: revision } } }
    }
    expect(nextRevision([old('2'), old('3546343826724306832'), old('x'), old('')])).toBe(3546343826724306833n)
    expect(nextRevision([old('9223372036854775807')])).toBe(-9223372036854775808n)
    expect(nextRevision([old('9223372036854775808')])).toBe(1n)
    const sets = [old('3546343826724306833'), old('3546343826724306832')]
    expect([...sets].sort(byRevision)).toEqual(sets.reverse())
    const kept = { [`${prefix}/revision`]: 'no number' }
    expect(newSetAnnotations(deployment({}), kept, 3n)).toEqual(kept)
  })
  it('remembers the revisions a ReplicaSet had', () => {
    const first = newSetAnnotations(deployment({}), { [`${prefix}/revision`]: '1' }, 3n)
    expect(first).toEqual({ [`${prefix}/revision`]: '3', [`${prefix}/revision-history`]: '1' })
    expect(newSetAnnotations(deployment({}), first, 5n)[`${prefix}/revision-history`]).toBe('1,3')
    expect(newSetAnnotations(deployment({}), first, 3n)).toEqual(first)
  })
  it('finds the ReplicaSet of a template whatever its hash label and the order of keys', () => {
    const other = set('other', { replicas: 1 })
    const { labels } = template('1').metadata
    const same: ReplicaSet = {
      ...set('same', { replicas: 1 }),
      spec: {
        selector: {},
        template: { metadata: { annotations: { version: '1' }, labels: { 'pod-template-hash': 'abc', ...labels } } },
      },
    }
    expect(findNewSet(deployment({}), [other, same])).toBe(same)
    expect(sameTemplate(template('1'), template('2'))).toBe(false)
    expect(templateHash(template('1'))).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{6,10}$/)
    expect(templateHash(template('1'), 1)).not.toBe(templateHash(template('1')))
  })
})

describe('the status', () => {
  const time = { now: '2026-01-01T00:10:00Z', nowMs: Date.parse('2026-01-01T00:10:00Z') }
  const progressing = (reason: string, lastUpdateTime: string) => ({
    conditions: [{ type: 'Progressing', status: 'True', reason, lastUpdateTime, lastTransitionTime: lastUpdateTime }],
  })
  it('counts, and leaves zeros out', () => {
    const newSet = set('new', { replicas: 1, available: 0 })
    const oldSets = [set('old', { replicas: 3 })]
    const status = countStatus(deployment({ replicas: 3, ...rolling('25%', '25%') }), { newSet, oldSets }, time.now)
    expect(status).toMatchObject({
      observedGeneration: 1,
      replicas: 4,
      updatedReplicas: 1,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 1,
      conditions: [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' }],
    })
    expect(sameStatus(status, structuredClone(status))).toBe(true)
    expect(sameStatus({ ...status, replicas: 5 }, status)).toBe(false)
    const [fresh, silent] = [
      { ...set('fresh', { replicas: 1 }), status: { replicas: 0 } },
      set('silent', { replicas: 1 }),
    ]
    const count = (...oldSets: ReplicaSet[]) =>
      countStatus(deployment({}), { newSet: undefined, oldSets }, time.now).terminatingReplicas
    expect([count(fresh), count(fresh, silent)]).toEqual([0, undefined])
    expect(countStatus(deployment({ replicas: 0 }), { newSet: undefined, oldSets: [] }, time.now)).not.toHaveProperty(
      'replicas',
    )
  })
  it.each([
    ['complete', { replicas: 3 }, 'NewReplicaSetCreated', '2026-01-01T00:00:00Z', 'True', 'NewReplicaSetAvailable'],
    [
      'getting on',
      { replicas: 3, available: 1 },
      'NewReplicaSetCreated',
      '2026-01-01T00:00:00Z',
      'True',
      'ReplicaSetUpdated',
    ],
    [
      'stuck',
      { replicas: 3, available: 0, actual: 0 },
      'ReplicaSetUpdated',
      '2026-01-01T00:00:00Z',
      'False',
      'ProgressDeadlineExceeded',
    ],
    [
      'still in time',
      { replicas: 3, available: 0, actual: 0 },
      'ReplicaSetUpdated',
      '2026-01-01T00:05:00Z',
      'True',
      'ReplicaSetUpdated',
    ],
    [
      'of old complete',
      { replicas: 3, available: 0 },
      'NewReplicaSetAvailable',
      '2025-01-01T00:00:00Z',
      'True',
      'NewReplicaSetAvailable',
    ],
  ] as const)('says that a rollout is %s', (...[, size, before, since, status, reason]) => {
    const old = progressing(before, since)
    const owner = deployment({ replicas: 3, progressDeadlineSeconds: 599 }, { status: old })
    const result = rolloutStatus(owner, { newSet: set('new', size), oldSets: [] }, time)
    expect(result.conditions?.find(({ type }) => type === 'Progressing')).toMatchObject({ status, reason })
  })
  it('passes on that pods cannot be made', () => {
    const failing = set('new', { replicas: 1, available: 0, actual: 0 })
    const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'no' }
    const newSet = { ...failing, status: { replicas: 0, conditions: [failure] } }
    const status = rolloutStatus(deployment({ replicas: 1 }), { newSet, oldSets: [] }, time)
    expect(status.conditions?.at(-1)).toMatchObject(failure)
  })
})
