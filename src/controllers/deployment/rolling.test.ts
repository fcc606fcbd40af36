/** Rolling updates of any size and strategy, pods becoming ready and failing in any order: the bounds hold, and it ends. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.gen.ts'
import { boundsOf, sumReplicas, sumStatus } from './bounds.ts'
import { planRolling } from './plan.ts'

const size = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constantFrom('0%', '10%', '25%', '50%', '100%'))
const strategy = fc
  .record({ maxSurge: size, maxUnavailable: size })
  .map((rollingUpdate) => ({ strategy: { type: 'RollingUpdate', rollingUpdate } }))

function set(name: string, replicas: number, available: number): ReplicaSet {
  return {
    metadata: { name, uid: name, creationTimestamp: `2026-01-01T00:00:0${name}Z` },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available },
  }
}
const resized = (each: ReplicaSet, replicas: number) =>
  set(each.metadata.name ?? '', replicas, Math.min(replicas, each.status?.availableReplicas ?? 0))

/** One step of the plan; the last set is the new one. Checks the bounds. */
function roll(deployment: Deployment, sets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const { desired, maxSurge, maxUnavailable } = boundsOf(deployment)
  const scales = planRolling(deployment, { newSet: sets.at(-1), oldSets: sets.slice(0, -1) })
  const next = sets.map((each) => {
    const scale = scales.find((one) => one.set === each)
    return scale ? resized(each, scale.replicas) : each
  })
  expect(sumReplicas(next)).toBeLessThanOrEqual(Math.max(sumReplicas(sets), desired + maxSurge))
  const before = sumStatus(sets, 'availableReplicas')
  const least = Math.min(before, desired - maxUnavailable)
  expect(sumStatus(next, 'availableReplicas')).toBeGreaterThanOrEqual(least)
  return next
}

/** Makes one more pod of a set available, or one fewer. */
function happen(sets: readonly ReplicaSet[], which: number, up: boolean): readonly ReplicaSet[] {
  const at = which % sets.length
  return sets.map((each, i) => {
    const replicas = each.spec.replicas ?? 0
    const available = (each.status?.availableReplicas ?? 0) + (up ? 1 : -1)
    return i === at ? set(each.metadata.name ?? '', replicas, Math.max(0, Math.min(replicas, available))) : each
  })
}

it('keeps its bounds and comes to its end', () => {
  const olds = fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { minLength: 1, maxLength: 3 })
  const events = fc.array(fc.tuple(fc.nat(3), fc.boolean(), fc.boolean()), { maxLength: 40 })
  fc.assert(
    fc.property(fc.nat(8), strategy, olds, events, (...[replicas, spec, old, happenings]) => {
      const deployment: Deployment = {
        metadata: { name: 'd' },
        spec: { replicas, selector: {}, template: {}, ...spec },
      }
      let sets: readonly ReplicaSet[] = [
        ...old.map(([count, available], i) => set(String(i), count, Math.min(count, available))),
        set('9', 0, 0),
      ]
      for (const [which, up, rolls] of happenings) {
        sets = happen(sets, which, up)
        if (rolls) sets = roll(deployment, sets)
      }
      // From here on all pods become available: the rollout must get through.
      for (let i = 0; i < 60; i++) {
        sets = sets.map((each) => set(each.metadata.name ?? '', each.spec.replicas ?? 0, each.spec.replicas ?? 0))
        sets = roll(deployment, sets)
      }
      expect(sets.map((each) => each.spec.replicas)).toEqual([...old.map(() => 0), replicas])
    }),
    { numRuns: 400, seed: 1 },
  )
})
