/**
 * Kinds that are listed as none, and refused: clients look for them in discovery and ask which there are, kubectl asks for definitions
 * of custom resources for every kind that it does not know. Kept ones would be believed to be obeyed, so who makes one hears the reason.
 */
import type { KubernetesObject } from '../api/object.ts'
import { forbidden } from '../api/status.ts'
import type { ResourceDeclaration } from './declaration.ts'
import { declare, type KindRules } from './declare.ts'

type Listed = Pick<
  KindRules<KubernetesObject>,
  'group' | 'version' | 'kind' | 'plural' | 'shortNames' | 'definition' | 'status'
>

/** Cluster-wide, in the category of all that extends the API. `why` goes on after "is forbidden: ". */
export function listedOnly(kind: Listed, why: string): ResourceDeclaration {
  const declaration: ResourceDeclaration = declare<KubernetesObject>({
    ...kind,
    categories: ['api-extensions'],
    namespaced: false,
    admit({ metadata }) {
      throw forbidden({ group: kind.group, resource: kind.plural }, metadata.name ?? '', why)
    },
    row: ({ metadata }) => declaration.columns.map(({ name }) => (name === 'Name' ? (metadata.name ?? '') : '')),
  })
  return declaration
}
