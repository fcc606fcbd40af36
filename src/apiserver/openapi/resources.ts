/** What OpenAPI needs to know of a kind that is served; made from its declaration. */
import { definition, type GroupVersionKind } from '../../api/schema.ts'

export interface OpenApiSubresource {
  readonly name: string
  /** The kind of its bodies: Scale, Binding, Eviction, or the resource's own. */
  readonly kind: GroupVersionKind
  /** Definition of its bodies; undefined for streams (exec, log). */
  readonly definition: string | undefined
  readonly verbs: readonly string[]
  /** exec, attach and portforward: GET and POST that become a connection. */
  readonly connects: boolean
}

export interface OpenApiResource extends GroupVersionKind {
  readonly plural: string
  readonly namespaced: boolean
  readonly definition: string
  readonly verbs: readonly string[]
  /** DELETE answers with the object, not with a Status. */
  readonly returnsObject: boolean
  readonly subresources: readonly OpenApiSubresource[]
}

/** The part of a resource's declaration that is read here. */
export interface DeclaredResource extends GroupVersionKind {
  readonly plural: string
  readonly namespaced: boolean
  readonly definition: string
  readonly verbs?: readonly string[]
  readonly subresources?: readonly { readonly name: string; readonly verbs: readonly string[] }[]
  readonly scale?: unknown
  readonly actions?: readonly {
    readonly name: string
    readonly kind: string
    readonly group?: string
    readonly version?: string
    readonly verbs: readonly string[]
  }[]
  readonly delete?: { readonly returnsObject?: boolean }
  /** Set for what can be created but is not stored: reviews. */
  readonly create?: unknown
}

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' }
const CONNECTS = new Set(['exec', 'attach', 'portforward'])

/** Definitions of the bodies of actions, by group and kind. */
const ACTION_DEFINITIONS: Readonly<Record<string, string>> = {
  '/Binding': 'io.k8s.api.core.v1.Binding',
  'policy/Eviction': 'io.k8s.api.policy.v1.Eviction',
  'authentication.k8s.io/TokenRequest': 'io.k8s.api.authentication.v1.TokenRequest',
}

export function openApiResource(declared: DeclaredResource): OpenApiResource {
  const { group, version, kind, plural, namespaced } = declared
  const own = { group, version, kind }
  return {
    ...own,
    plural,
    namespaced,
    definition: definition(declared.definition).name,
    verbs: declared.verbs ?? ('create' in declared ? ['create'] : ALL_VERBS),
    // The documents say Status of a namespace too, whatever the answer is.
    returnsObject: (declared.delete?.returnsObject ?? false) && kind !== 'Namespace',
    subresources: [
      ...(declared.subresources ?? []).map(({ name, verbs }) => ({
        name,
        kind: own,
        definition: declared.definition,
        verbs,
        connects: false,
      })),
      ...(declared.scale ? [scale] : []),
      // The documents leave the proxies out: what is behind them is somebody else's.
      ...(declared.actions ?? []).filter(({ name }) => name !== 'proxy').map((action) => actionOf(action, own)),
    ],
  }
}

const scale: OpenApiSubresource = {
  name: 'scale',
  kind: SCALE,
  definition: 'io.k8s.api.autoscaling.v1.Scale',
  verbs: ['get', 'update', 'patch'],
  connects: false,
}

function actionOf(action: NonNullable<DeclaredResource['actions']>[number], own: GroupVersionKind): OpenApiSubresource {
  const kind = { group: action.group ?? own.group, version: action.version ?? own.version, kind: action.kind }
  const connects = CONNECTS.has(action.name)
  const options = `${own.kind}${action.name === 'portforward' ? 'PortForward' : capital(action.name)}Options`
  return {
    name: action.name,
    kind: connects ? { ...own, kind: options } : kind,
    definition: ACTION_DEFINITIONS[`${kind.group}/${kind.kind}`],
    verbs: action.verbs,
    connects,
  }
}

export const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)
