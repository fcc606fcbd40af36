/**
 * Stores what is missing of the default roles and bindings, and gives what is there what it lacks, as Kubernetes does at every
 * start: rules and subjects are only ever added, and nothing to an object that refuses it by its annotation.
 */
import { jsonEqual } from '../../../api/json-equal.ts'
import type { Draft, KubernetesObject } from '../../../api/object.ts'
import { isApiError } from '../../../api/status.ts'
import { draftOf } from '../../../registry/draft.ts'
import type { WriteOptions } from '../../../registry/kit.ts'
import type { Registry } from '../../../registry/registry.ts'
import type { StoredResource } from '../../../registry/resource.ts'
import { MASTERS } from '../../authn/names.ts'
import type { Rule } from '../authorizer.ts'
import { missingRules } from '../rules.ts'
import { AUTOUPDATE, type DefaultObject, type DefaultRoles } from './index.ts'

const GROUP = 'rbac.authorization.k8s.io'
const USER = { name: 'system:apiserver', groups: [MASTERS] }
/** Objects written before others get their turn. */
const AT_ONCE = 8

/** `pause` lets others have their turn, and says whether to go on. Once all is stored nothing else counts. */
export async function storeDefaultRoles(
  registry: Registry,
  defaults: DefaultRoles,
  pause: () => Promise<boolean>,
): Promise<void> {
  for (let i = 0; i < defaults.objects.length; i += AT_ONCE) {
    await Promise.all(defaults.objects.slice(i, i + AT_ONCE).map((one) => settle(registry, one)))
    if (!(await pause())) return
  }
  defaults.stored = true
}

async function settle(registry: Registry, { plural, object }: DefaultObject): Promise<void> {
  const resource = registry.find(GROUP, 'v1', plural)
  if (!resource) return
  const { namespace = '', name = '' } = object.metadata
  const options = { namespace, name, user: USER, dryRun: false, fieldManager: 'kube-apiserver', warn() {} }
  const present = registry.peek(resource, namespace, name)?.object
  try {
    if (present) return await reconcile(registry, resource, { present, object }, options)
    await registry.create(resource, draftOf(object) as Draft<KubernetesObject>, options)
  } catch (error) {
    // Somebody was faster: what he wrote is looked at with the next start.
    if (!isApiError(error, 'AlreadyExists') && !isApiError(error, 'Conflict')) throw error
  }
}

type Loose = KubernetesObject & { readonly rules?: readonly Rule[] | null; readonly subjects?: readonly object[] }

async function reconcile(
  registry: Registry,
  resource: StoredResource,
  { present, object }: { readonly present: Loose; readonly object: Loose },
  options: WriteOptions,
): Promise<void> {
  if (present.metadata.annotations?.[AUTOUPDATE] !== 'true') return
  // Aggregated rules are their controller's.
  const known = 'aggregationRule' in object || jsonEqual(present.rules ?? [], object.rules ?? [])
  const rules = known ? [] : missingRules(present.rules ?? [], object.rules ?? [])
  const held = present.subjects ?? []
  const subjects = (object.subjects ?? []).filter((subject) => !held.some((other) => jsonEqual(other, subject)))
  if (rules.length === 0 && subjects.length === 0) return
  const transform = (current: KubernetesObject) => {
    const draft = draftOf(current) as Draft<Loose>
    if (rules.length > 0) draft.rules = [...(draft.rules ?? []), ...(rules as Draft<Rule>[])]
    if (subjects.length > 0) draft.subjects = [...(draft.subjects ?? []), ...subjects]
    return draft as Draft<KubernetesObject>
  }
  const { strategy } = resource.declaration
  await registry.update(resource, { subresource: '', strategy, unconditional: true, transform }, options)
}
