/** What a Scale looks like in a Table, whatever it scales. */
import type { KubernetesObject } from '../api/object.ts'
import { COLUMNS } from './columns.gen.ts'
import type { ScaleDeclaration } from './declaration.ts'
import { since } from './format.ts'

interface Scale extends KubernetesObject {
  readonly spec?: { readonly replicas?: number }
  readonly status?: { readonly replicas?: number }
}

/** A column's words are those of the kinds that have it, or Scale's own. */
const described = (name: string) => COLUMNS['apps/v1/deployments']?.find((c) => c.name === name)?.description ?? ''
export const SCALE_TABLE: ScaleDeclaration<KubernetesObject>['table'] = {
  columns: [
    { name: 'Name', type: 'string', format: 'name', description: described('Name'), priority: 0 },
    {
      name: 'Desired',
      type: 'integer',
      description: 'replicas is the desired number of instances for the scaled object.',
      priority: 0,
    },
    {
      name: 'Available',
      type: 'integer',
      description: 'replicas is the actual number of observed instances of the scaled object.',
      priority: 0,
    },
    { name: 'Age', type: 'string', description: described('Age'), priority: 0 },
  ],
  row: ({ metadata, spec, status }: Scale, now) => [
    metadata.name ?? '',
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    since(metadata.creationTimestamp, now),
  ],
}
