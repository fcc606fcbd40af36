import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.gen.ts'
import { defaultRoles } from '../../apiserver/authz/default-roles/index.ts'
import { clusterRoles } from '../../client/resources.ts'
import { drain } from '../../sim/drain.node.ts'
import { startTestCluster, type TestCluster } from '../../sim/test-cluster.ts'
import { gatheredRules } from './plan.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startTestCluster({ drain })
})
afterAll(() => cluster.close())

const rule = (resource: string): PolicyRule => ({ verbs: ['get'], apiGroups: ['acme.com'], resources: [resource] })
const role = (name: string, more: Partial<ClusterRole> & { labels?: Record<string, string> }) => {
  const { labels, ...rest } = more
  const metadata = { name, ...(labels ? { labels } : {}) }
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, ...rest } as ClusterRole
}
const selecting = (value: string) => ({ clusterRoleSelectors: [{ matchLabels: { into: value } }] })
const rulesOf = async (name: string) => {
  await cluster.clock.advance(1000)
  return (await cluster.client.get(clusterRoles, { name })).rules ?? []
}

it('gathers what is labelled for it, also through another that gathers', async () => {
  const { client } = cluster
  await client.create(clusterRoles, role('outer', { aggregationRule: selecting('outer') }))
  await client.create(clusterRoles, role('inner', { aggregationRule: selecting('inner'), labels: { into: 'outer' } }))
  await client.create(clusterRoles, role('things', { rules: [rule('things')], labels: { into: 'inner' } }))
  expect(await rulesOf('inner')).toEqual([rule('things')])
  expect(await rulesOf('outer')).toEqual([rule('things')])
  await client.create(
    clusterRoles,
    role('others', { rules: [rule('others'), rule('things')], labels: { into: 'inner' } }),
  )
  expect(await rulesOf('outer')).toEqual([rule('others'), rule('things')])
  await client.patch(clusterRoles, { name: 'others' }, { metadata: { labels: { into: null } } }, { type: 'merge' })
  expect(await rulesOf('outer')).toEqual([rule('things')])
  await client.delete(clusterRoles, { name: 'things' })
  expect(await rulesOf('outer')).toEqual([])
  expect(cluster.failures).toEqual([])
})

it('finds the default roles as they are: storing them leaves it nothing to do', () => {
  const all = defaultRoles().all('clusterroles') as readonly ClusterRole[]
  const gathering = all.filter(({ aggregationRule }) => aggregationRule)
  expect(gathering.map(({ metadata }) => metadata.name)).toEqual(['view', 'edit', 'admin'])
  for (const one of gathering) expect(gatheredRules(one, all)).toEqual(one.rules)
})
