/** Owners of all sorts, against the real API server, in virtual time. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { KubernetesObject } from '../../api/object.ts'
import { apiVersionOf, type Resource } from '../../client/api-client.ts'
import { configMaps, events, namespaces, nodes } from '../../client/resources.ts'
import { drain } from '../../sim/drain.node.ts'
import { readyNode, startTestCluster, type TestCluster } from '../../sim/test-cluster.ts'

let cluster: TestCluster
beforeEach(async () => {
  cluster = await startTestCluster({ drain })
  await cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } })
})
afterEach(() => cluster.close())

const reference = (resource: Resource, { metadata }: KubernetesObject) => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
  blockOwnerDeletion: true,
})
const create = (name: string, namespace: string, ...ownerReferences: ReturnType<typeof reference>[]) =>
  cluster.client.create(configMaps, { metadata: { name, namespace, ownerReferences } })
const find = (name: string, namespace: string) => cluster.client.find(configMaps, { namespace, name })

it('does not count an owner in another namespace, and says so', async () => {
  const owner = await create('owner', 'default')
  const near = await create('near', 'default', reference(configMaps, owner))
  await create('far', 'other', reference(configMaps, owner))
  await create(
    'both',
    'default',
    reference(configMaps, owner),
    reference(configMaps, { metadata: { name: 'x', uid: 'x' } }),
  )
  await cluster.clock.advance(1000)
  expect(await find('near', 'default')).toEqual(near)
  expect(await find('far', 'other')).toBeUndefined()
  expect((await find('both', 'default'))?.metadata.ownerReferences).toEqual([reference(configMaps, owner)])
  const told = await cluster.client.list(events, { fieldSelector: 'reason=OwnerRefInvalidNamespace' })
  expect(told.items).toMatchObject([
    {
      type: 'Warning',
      metadata: { namespace: 'other' },
      involvedObject: { kind: 'ConfigMap', name: 'far' },
      source: { component: 'garbage-collector-controller' },
      message: `ownerRef [v1/ConfigMap, namespace: other, name: owner, uid: ${owner.metadata.uid}] does not exist in namespace "other"`,
    },
  ])
})

it('lets a cluster-scoped owner own in every namespace, and leaves alone what names a namespaced owner of its own', async () => {
  const owner = await cluster.client.create(nodes, readyNode('owner', '2026-01-01T00:00:00Z'))
  await create('a', 'default', reference(nodes, owner))
  await create('b', 'other', reference(nodes, owner))
  const map = await create('map', 'default')
  const lost = readyNode('lost', '2026-01-01T00:00:00Z')
  await cluster.client.create(nodes, {
    ...lost,
    metadata: { ...lost.metadata, ownerReferences: [reference(configMaps, map)] },
  })
  await cluster.clock.advance(1000)
  expect(await find('b', 'other')).toBeDefined()
  await cluster.client.delete(nodes, { name: 'owner' })
  await cluster.client.delete(configMaps, { namespace: 'default', name: 'map' })
  await cluster.clock.advance(1000)
  expect([await find('a', 'default'), await find('b', 'other')]).toEqual([undefined, undefined])
  expect(await cluster.client.find(nodes, { name: 'lost' })).toBeDefined()
})

it('deletes two that own each other in the foreground, instead of having each wait for the other', async () => {
  const a = await create('a', 'default')
  const b = await create('b', 'default', reference(configMaps, a))
  const ref = { namespace: 'default', name: 'a' }
  await cluster.client.patch(configMaps, ref, { metadata: { ownerReferences: [reference(configMaps, b)] } })
  await cluster.client.delete(configMaps, ref, { propagationPolicy: 'Foreground' })
  await cluster.clock.advance(1000)
  expect([await find('a', 'default'), await find('b', 'default')]).toEqual([undefined, undefined])
})
