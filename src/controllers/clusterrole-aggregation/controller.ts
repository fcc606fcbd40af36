/** Keeps the rules of ClusterRoles with an aggregationRule: admin, edit and view take in what custom resources add to them. */
import { jsonEqual } from '../../api/json-equal.ts'
import { done } from '../../client/controller.ts'
import { clusterRoles } from '../../client/resources.ts'
import { type ControllerContext, newController } from '../context.ts'
import { gatheredRules } from './plan.ts'

export async function startClusterRoleAggregation(context: ControllerContext): Promise<void> {
  const { client, informers } = context
  const roles = informers.informer(clusterRoles)
  const controller = newController(context, 'clusterrole-aggregation', async (key) => {
    const role = roles.lister.get(key)
    const rules = role && gatheredRules(role, [...roles.lister.values()])
    if (rules && !jsonEqual(rules, role.rules ?? [])) await client.update(clusterRoles, { ...role, rules: [...rules] })
    return done
  })
  const changed = () => {
    for (const { aggregationRule, metadata } of [...roles.lister.values()])
      if (aggregationRule) controller.enqueue(metadata.name ?? '')
  }
  roles.on({ add: changed, update: changed, delete: changed })
  await controller.start(roles.synced)
}
