import { describe, expect, it } from 'vitest'
import type { KubernetesObject, ObjectMeta } from '../../api/object.ts'
import { configMaps } from '../../client/resources.ts'
import { OwnerGraph } from './graph.ts'
import { type OwnerState, planItem } from './plan.ts'

const object = (name: string, metadata: Partial<ObjectMeta> = {}): KubernetesObject => ({
  metadata: { name, uid: name, ...metadata },
})
const owner = (name: string, blockOwnerDeletion = true) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name,
  uid: name,
  blockOwnerDeletion,
})
const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' }

describe('what becomes of an object', () => {
  const cases: readonly (readonly [string, Partial<ObjectMeta>, readonly KubernetesObject[], object])[] = [
    ['without owners stays', {}, [], { action: 'keep' }],
    ['with an owner stays', { ownerReferences: [owner('solid')] }, [], { action: 'keep' }],
    [
      'whose owner is gone goes',
      { ownerReferences: [owner('absent')] },
      [],
      { action: 'delete', propagation: 'Background' },
    ],
    [
      'with one owner left stays, without the reference to the other',
      { ownerReferences: [owner('solid'), owner('absent')] },
      [],
      { action: 'drop-references', uids: ['absent'] },
    ],
    [
      'whose owner waits goes, in the foreground when it has dependents',
      { ownerReferences: [owner('waiting')] },
      [object('child', { ownerReferences: [owner('it')] })],
      { action: 'delete', propagation: 'Foreground' },
    ],
    [
      'whose owner waits, and which it waits for itself, blocks it no longer',
      { ownerReferences: [owner('waiting')] },
      [object('waiting', { ...deleted, finalizers: ['foregroundDeletion'] })],
      { action: 'unblock-owners' },
    ],
    [
      'whose owner waits goes at once without dependents',
      { ownerReferences: [owner('waiting')] },
      [],
      { action: 'delete', propagation: 'Background' },
    ],
    [
      'that is to orphan does so when its owner is gone',
      { finalizers: ['orphan'], ownerReferences: [owner('absent')] },
      [],
      { action: 'delete', propagation: 'Orphan' },
    ],
    ['on its way out is left to it', { ...deleted, ownerReferences: [owner('absent')] }, [], { action: 'keep' }],
    [
      'deleted with orphan cuts its dependents loose',
      { ...deleted, finalizers: ['orphan'] },
      [object('child')],
      { action: 'orphan-dependents' },
    ],
    [
      'deleted in the foreground waits for what blocks',
      { ...deleted, finalizers: ['foregroundDeletion'] },
      [object('child', { ownerReferences: [owner('it')] })],
      { action: 'delete-dependents' },
    ],
    [
      'deleted in the foreground goes when nothing blocks',
      { ...deleted, finalizers: ['foregroundDeletion'] },
      [object('child', { ownerReferences: [owner('it', false)] })],
      { action: 'remove-finalizer', finalizer: 'foregroundDeletion' },
    ],
  ]
  it.each(cases)('one %s', (_, metadata, dependents, verdict) => {
    const stateOf = ({ uid }: { uid: string }) => uid as OwnerState
    expect(planItem({ object: object('it', metadata), dependents, stateOf })).toEqual(verdict)
  })
})

it('keeps dependents by uid, also before and after their owner', () => {
  const graph = new OwnerGraph()
  const names = (uid: string) => graph.dependentsOf(uid).map((node) => node.object.metadata.name)
  const child = object('child', { ownerReferences: [owner('a')] })
  graph.put(configMaps, child)
  expect(names('a')).toEqual(['child'])
  expect(graph.get('a')).toBeUndefined()
  graph.put(configMaps, object('a'))
  graph.put(configMaps, object('child', { ownerReferences: [owner('b')] }))
  expect([names('a'), names('b')]).toEqual([[], ['child']])
  graph.remove(child)
  expect(names('b')).toEqual([])
})
