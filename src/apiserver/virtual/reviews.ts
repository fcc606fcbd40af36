/** Who am I, and what may I do: the reviews of authentication.k8s.io and authorization.k8s.io. */
import { type FieldError, invalid, invalidObject } from '../../api/field-error.ts'
import type { FieldTerm } from '../../api/field-selector.ts'
import { updateManagedFields } from '../../api/managed-fields/update.ts'
import type { Draft, KubernetesObject, ObjectMeta } from '../../api/object.ts'
import { badRequest } from '../../api/status.ts'
import { rfc3339 } from '../../api/time.ts'
import type { ApiResponse, UserInfo } from '../../wire/exchange.ts'
import { API_AUDIENCES } from '../authn/tokens.ts'
import { type Attributes, decide } from '../authz/authorizer.ts'
import { readForeign } from '../body.ts'
import { objectResponse } from '../respond.ts'
import { fieldTerms } from '../stages/authorize.ts'
import { writeQuery } from '../write-query.ts'
import { shownUser, type VirtualCall, type VirtualResource } from './virtual-resource.ts'

const AUTHENTICATION = { group: 'authentication.k8s.io', version: 'v1' }
const AUTHORIZATION = { group: 'authorization.k8s.io', version: 'v1' }

interface Selector {
  readonly rawSelector?: string
  readonly requirements?: readonly {
    readonly key?: string
    readonly operator?: string
    readonly values?: readonly string[]
  }[]
}

interface AccessReview extends KubernetesObject {
  readonly spec: {
    readonly user?: string
    readonly uid?: string
    readonly groups?: readonly string[]
    readonly extra?: Readonly<Record<string, readonly string[]>>
    readonly resourceAttributes?: Partial<Attributes> & {
      readonly version?: string
      readonly fieldSelector?: Selector
    }
    readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string }
  }
}

type Declared = Omit<VirtualResource, 'create' | 'plural' | 'singular' | 'definition'>

function virtual(declared: Declared, create: (call: VirtualCall, definition: string) => Promise<ApiResponse>) {
  const singular = declared.kind.toLowerCase()
  const definition = `io.k8s.api.${declared.group.split('.', 1)[0]}.${declared.version}.${declared.kind}`
  return {
    ...declared,
    singular,
    plural: `${singular}s`,
    definition,
    create: (call: VirtualCall) => create(call, definition),
  }
}

function read<T extends KubernetesObject>(call: VirtualCall, definition: string): Promise<Draft<T>> {
  return readForeign<T>(call.exchange, definition, writeQuery(call.exchange, 'CreateOptions'))
}

/** Even what is not stored says who wrote it. */
function manage(call: VirtualCall, draft: Draft<KubernetesObject>, definition: string): void {
  draft.metadata ??= {}
  const { fieldManager: manager } = writeQuery(call.exchange, 'CreateOptions')
  const time = rfc3339(call.parts.clock.now())
  const apiVersion = draft.apiVersion ?? ''
  const write = {
    old: undefined,
    new: draft as KubernetesObject,
    manager,
    subresource: '',
    time,
    definition,
    apiVersion,
  }
  const entries = updateManagedFields(write)
  if (entries) draft.metadata.managedFields = entries as Draft<ObjectMeta>['managedFields'] & object
}

const selfSubjectReview = virtual(
  { ...AUTHENTICATION, kind: 'SelfSubjectReview', namespaced: false },
  async (call, definition) => {
    const review = await read(call, definition)
    const creationTimestamp = rfc3339(call.parts.clock.now())
    const status = { userInfo: shownUser(call.exchange.user) }
    return objectResponse({ ...review, metadata: { creationTimestamp }, status }, 201)
  },
)

const tokenReview = virtual({ ...AUTHENTICATION, kind: 'TokenReview', namespaced: false }, async (call, definition) => {
  const review = (await read(call, definition)) as Draft<KubernetesObject> & {
    spec?: { token?: string; audiences?: string[] }
  }
  const { token, audiences } = review.spec ?? {}
  if (!token) throw badRequest('token is required for TokenReview in authentication')
  manage(call, review, definition)
  const found = call.tokens.authenticate(token, audiences?.length ? audiences : API_AUDIENCES)
  const status =
    found && 'user' in found
      ? { authenticated: true, user: shownUser(found.user), audiences: found.audiences }
      : { user: {}, error: found ? `[invalid bearer token, ${found.error}]` : 'invalid bearer token' }
  return objectResponse({ ...review, metadata: review.metadata ?? {}, status }, 201)
})

const selfSubjectAccessReview = virtual(
  { ...AUTHORIZATION, kind: 'SelfSubjectAccessReview', namespaced: false },
  (call, definition) => review(call, definition, { self: true }),
)
const subjectAccessReview = virtual(
  { ...AUTHORIZATION, kind: 'SubjectAccessReview', namespaced: false },
  (call, definition) => review(call, definition, { self: false }),
)
const localSubjectAccessReview = virtual(
  { ...AUTHORIZATION, kind: 'LocalSubjectAccessReview', namespaced: true },
  (call, definition) => review(call, definition, { self: false }),
)

async function review(call: VirtualCall, definition: string, { self }: { self: boolean }): Promise<ApiResponse> {
  const sent = await read<AccessReview>(call, definition)
  const spec = (sent.spec ?? {}) as AccessReview['spec']
  const errors = reviewErrors(spec, self, call.exchange.info.namespace)
  if (errors.length > 0) throw invalidObject({ group: AUTHORIZATION.group, resource: '', kind: '' }, '', errors)
  const user: UserInfo = self
    ? call.exchange.user
    : {
        name: spec.user ?? '',
        ...(spec.uid ? { uid: spec.uid } : {}),
        groups: spec.groups ?? [],
        ...(spec.extra ? { extra: spec.extra } : {}),
      }
  manage(call, sent, definition)
  const decision = decide(call.parts.authorizers, user, attributesOf(spec))
  return objectResponse({ ...sent, metadata: sent.metadata ?? {}, status: decision }, 201)
}

function reviewErrors(spec: AccessReview['spec'], self: boolean, namespace: string): FieldError[] {
  const errors: FieldError[] = []
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec
  if (resource && path)
    errors.push(
      invalid(
        'spec.nonResourceAttributes',
        { Path: path.path ?? '', Verb: path.verb ?? '' },
        'cannot be specified in combination with resourceAttributes',
      ),
    )
  if (!resource && !path)
    errors.push(
      invalid(
        'spec.resourceAttributes',
        null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    )
  if (!self && !spec.user && !spec.groups?.length)
    errors.push(invalid('spec.user', '', 'at least one of user or group must be specified'))
  if (namespace && resource && resource.namespace !== namespace)
    errors.push(invalid('spec.resourceAttributes.namespace', resource.namespace ?? '', 'must match metadata.namespace'))
  return errors
}

function attributesOf({ resourceAttributes: r, nonResourceAttributes: p }: AccessReview['spec']): Attributes {
  return {
    isResource: r !== undefined,
    verb: r?.verb ?? p?.verb ?? '',
    path: p?.path ?? '',
    group: r?.group ?? '',
    resource: r?.resource ?? '',
    subresource: r?.subresource ?? '',
    namespace: r?.namespace ?? '',
    name: r?.name ?? '',
    fields: fieldsOf(r?.fieldSelector),
  }
}

/** What cannot be understood restricts nothing, and so allows nothing. */
function fieldsOf({ rawSelector, requirements = [] }: Selector = {}): readonly FieldTerm[] {
  if (rawSelector) return fieldTerms(rawSelector) ?? []
  return requirements.flatMap(({ key = '', operator, values = [] }): FieldTerm[] => {
    const [value = ''] = values
    if (values.length !== 1 || (operator !== 'In' && operator !== 'NotIn')) return []
    return [{ field: key, operator: operator === 'In' ? '=' : '!=', value }]
  })
}

const selfSubjectRulesReview = virtual(
  { ...AUTHORIZATION, kind: 'SelfSubjectRulesReview', namespaced: false },
  async (call, definition) => {
    const sent = (await read(call, definition)) as Draft<KubernetesObject> & { spec?: { namespace?: string } }
    const namespace = sent.spec?.namespace
    if (!namespace) throw badRequest('no namespace on request')
    const { user } = call.exchange
    const known = call.parts.authorizers.map((authorizer) =>
      authorizer.rules ? authorizer.rules(user, namespace) : [],
    )
    const rules = known.flatMap((some) => some ?? [])
    const incomplete = known.includes(undefined)
    const status = {
      resourceRules: rules.filter((rule) => !rule.nonResourceURLs),
      nonResourceRules: rules.filter((rule) => rule.nonResourceURLs),
      incomplete,
      ...(incomplete ? { evaluationError: 'node authorizer does not support user rule resolution' } : {}),
    }
    return objectResponse({ ...sent, metadata: sent.metadata ?? {}, spec: {}, status }, 201)
  },
)

export const REVIEWS: readonly VirtualResource[] = [
  selfSubjectReview,
  tokenReview,
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
]
