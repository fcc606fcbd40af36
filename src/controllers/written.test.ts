import { expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import type { Informer } from '../client/informer.ts'
import { ObjectStore } from '../client/lister.ts'
import { configMaps } from '../client/resources.ts'
import { Written } from './written.ts'

const object = (name: string, revision: number, uid = name): KubernetesObject => ({
  metadata: { name, namespace: 'ns', uid, resourceVersion: String(revision) },
})

/** An informer that shows what the test says, at the revision it says. */
function shown(...objects: readonly KubernetesObject[]) {
  const store = new ObjectStore<KubernetesObject>()
  for (const each of objects) store.put(each)
  const informer = {
    resource: configMaps,
    lister: store,
    synced: Promise.resolve(),
    hasSynced: true,
    revision: 10,
    on: () => () => {},
  }
  const written = new Written(informer as Informer<KubernetesObject>)
  const now = () =>
    written
      .correct([...store.values()], () => true)
      .map((each) => `${each.metadata.name}@${each.metadata.resourceVersion}`)
  return { informer, store, written, now }
}

it('shows what was written until the informer has got there', () => {
  const { informer, store, written, now } = shown(object('a', 5))
  written.wrote(object('a', 11))
  written.wrote(object('b', 12))
  expect(now()).toEqual(['a@11', 'b@12'])
  store.put(object('a', 11))
  informer.revision = 11
  expect(now()).toEqual(['a@11', 'b@12'])
  informer.revision = 12
  expect(now()).toEqual(['a@11'])
})

it('does not bring back what came and went before the answer of its creation', () => {
  const { informer, written, now } = shown()
  informer.revision = 20
  written.wrote(object('a', 15))
  expect(now()).toEqual([])
})

it('hides what was deleted for as long as it is shown', () => {
  const { store, written, now } = shown(object('a', 5))
  written.deleted(object('a', 5))
  expect(now()).toEqual([])
  store.put(object('a', 13, 'another'))
  expect(now()).toEqual(['a@13'])
})
