import { expect, it } from 'vitest'
import { configMaps, deployments, pods } from '../../client/resources.ts'
import { type Emptying, namespaceConditions, podsEstimateSeconds, unexpectedItems } from './plan.ts'

const clean: Emptying = { discoveryFailures: [], deletionFailures: [], remaining: [] }
const NOW = '2026-01-01T00:00:00Z'
const short = (emptying: Emptying) =>
  namespaceConditions([], emptying, NOW).map(({ status, reason, message }) => `${status} ${reason}: ${message}`)

it("says in Kubernetes' words that all went well", () => {
  expect(short(clean)).toEqual([
    'False ResourcesDiscovered: All resources successfully discovered',
    'False ParsedGroupVersions: All legacy kube types successfully parsed',
    'False ContentDeleted: All content successfully deleted, may be waiting on finalization',
    'False ContentRemoved: All content successfully removed',
    'False ContentHasNoFinalizers: All content-preserving finalizers finished',
  ])
})

it('names what is left, and by which finalizers', () => {
  const held = { metadata: { finalizers: ['example.com/a', 'example.com/b'] } }
  const remaining = [
    { resource: deployments, objects: [held] },
    { resource: configMaps, objects: [held, { metadata: { finalizers: ['example.com/b'] } }] },
    { resource: pods, objects: [] },
  ]
  expect(short({ ...clean, remaining }).slice(3)).toEqual([
    'True SomeResourcesRemain: Some resources are remaining: configmaps. has 2 resource instances, deployments.apps has 1 resource instances',
    'True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/a in 2 resource instances, example.com/b in 3 resource instances',
  ])
})

it('names what failed', () => {
  const failing = {
    ...clean,
    discoveryFailures: [{ groupVersion: 'x.io/v1', error: new Error('gone') }],
    deletionFailures: ['b failed', 'a failed'],
  }
  expect(short(failing).slice(0, 3)).toEqual([
    'True DiscoveryFailed: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: x.io/v1: gone',
    'False ParsedGroupVersions: All legacy kube types successfully parsed',
    'True ContentDeletionFailed: Failed to delete all resource types, 2 remaining: a failed, b failed',
  ])
})

it('moves the time only when the status changes, and changes nothing when nothing changed', () => {
  const first = namespaceConditions([], clean, NOW)
  expect(namespaceConditions(first, clean, '2026-01-01T00:00:09Z')).toBe(first)
  const remaining = [{ resource: configMaps, objects: [{ metadata: {} }] }]
  const second = namespaceConditions(first, { ...clean, remaining }, '2026-01-01T00:00:09Z')
  expect(second.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
    NOW,
    NOW,
    NOW,
    '2026-01-01T00:00:09Z',
    NOW,
  ])
})

it('gives pods their grace from the deletion of the namespace on', () => {
  const pod = (grace: number, phase = 'Running', finalizers: string[] = []) => ({
    metadata: { finalizers },
    spec: { containers: [], terminationGracePeriodSeconds: grace },
    status: { phase },
  })
  expect(podsEstimateSeconds([pod(6), pod(4), pod(60, 'Succeeded')], 5_100)).toBe(6)
  expect(podsEstimateSeconds([pod(6)], 9_000)).toBe(0)
  expect(podsEstimateSeconds([pod(6, 'Succeeded', ['x'])], 9_000)).toBe(15)
  expect(unexpectedItems('x', pods)).toBe('unexpected items still remain in namespace: x for gvr: /v1, Resource=pods')
})
