/** POST of serviceaccounts/NAME/token: a token for the account, if asked bound to a pod or secret. */
import { type FieldError, invalid, invalidObject } from '../../api/field-error.ts'
import { updateManagedFields } from '../../api/managed-fields/update.ts'
import type { Draft, KubernetesObject } from '../../api/object.ts'
import { badRequest, conflict } from '../../api/status.ts'
import { rfc3339 } from '../../api/time.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { uuid } from '../../base/random.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { accountName } from '../authn/names.ts'
import type { Claims } from '../authn/service-account-tokens.ts'
import { API_AUDIENCES, ISSUER } from '../authn/tokens.ts'
import { readDefinition } from '../body.ts'
import { type Call, writeOptions } from '../call.ts'
import { methodNotAllowed, objectResponse } from '../respond.ts'
import { writeQuery } from '../write-query.ts'

const DEFINITION = 'io.k8s.api.authentication.v1.TokenRequest'
const EXPIRATION_DEFAULT_SECONDS = 3600
const EXPIRATION_MIN_SECONDS = 600
const EXPIRATION_MAX_SECONDS = 2 ** 32
/** What the volume that admission adds to pods asks for: programs that never read their token again keep a good one for a year. */
const INJECTED_SECONDS = 3607
const EXTENDED_SECONDS = 365 * 24 * 3600

interface TokenRequest extends KubernetesObject {
  readonly spec: {
    readonly audiences?: readonly string[]
    readonly expirationSeconds?: number | null
    readonly boundObjectRef?: {
      readonly kind?: string
      readonly apiVersion?: string
      readonly name?: string
      readonly uid?: string
    } | null
  }
}

type Bound = Pick<Claims['kubernetes.io'], 'pod' | 'node' | 'secret'>

export async function handleToken(call: Call): Promise<ApiResponse> {
  const { registry, signer, clock, random } = call.parts
  if (!signer) throw methodNotAllowed()
  const query = writeQuery(call.exchange, 'CreateOptions')
  const sent = await readDefinition<TokenRequest>(call, DEFINITION, query)
  const { namespace, name } = call.exchange.info
  await registry.admitCreate({ resource: call.resource, subresource: 'token' }, writeOptions(call, query), sent)
  const account = await registry.get(call.resource, { namespace, name })
  const { audiences, boundObjectRef = null } = sent.spec ?? {}
  const seconds = sent.spec?.expirationSeconds ?? EXPIRATION_DEFAULT_SECONDS
  const errors = expirationErrors(seconds)
  if (errors.length > 0)
    throw invalidObject({ group: 'authentication.k8s.io', resource: 'TokenRequest', kind: 'TokenRequest' }, '', errors)
  const bound = await boundTo(call, boundObjectRef)
  const aud = audiences?.length ? audiences : API_AUDIENCES
  const now = Math.floor(clock.now() / 1000)
  const uid = account.object.metadata.uid ?? ''
  const extended = bound.pod !== undefined && seconds === INJECTED_SECONDS && isForApi(aud)
  const claims: Claims = {
    aud,
    exp: now + (extended ? EXTENDED_SECONDS : seconds),
    iat: now,
    iss: ISSUER,
    jti: uuid(random),
    'kubernetes.io': {
      namespace,
      ...bound,
      serviceaccount: { name, uid },
      ...(extended ? { warnafter: now + seconds } : {}),
    },
    nbf: now,
    sub: accountName(namespace, name),
  }
  const spec = { audiences: aud, expirationSeconds: seconds, boundObjectRef }
  const metadata = {
    name,
    namespace,
    uid,
    creationTimestamp: rfc3339(now * 1000),
    ...managed(sent, seconds, query.fieldManager, now),
  }
  const status = { token: signer.sign(claims), expirationTimestamp: rfc3339((now + seconds) * 1000) }
  return objectResponse({ kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata, spec, status }, 201)
}

function expirationErrors(seconds: number): FieldError[] {
  const field = 'spec.expirationSeconds'
  if (seconds < EXPIRATION_MIN_SECONDS)
    return [invalid(field, seconds, 'may not specify a duration less than 10 minutes')]
  if (seconds > EXPIRATION_MAX_SECONDS)
    return [invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds')]
  return []
}

/** What the token shall die with. */
async function boundTo(call: Call, ref: TokenRequest['spec']['boundObjectRef']): Promise<Bound> {
  if (!ref) return {}
  const plural = ref.apiVersion?.includes('/') ? undefined : BINDABLE[ref.kind ?? '']
  const resource = plural && call.parts.registry.find('', 'v1', plural)
  if (!resource)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(call.exchange.info.name)} to object ref with kind ${JSON.stringify(ref.kind)}`,
    )
  const { namespace } = call.exchange.info
  const place = plural === 'nodes' ? '' : namespace
  const { object } = await call.parts.registry.get(resource, { namespace: place, name: ref.name ?? '' })
  const { name = '', uid = '' } = object.metadata
  if (ref.uid && ref.uid !== uid)
    throw conflict(
      resource.groupResource,
      name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  if (ref.kind === 'Secret') return { secret: { name, uid } }
  if (ref.kind === 'Node') return { node: { name, uid } }
  const account = call.exchange.info.name
  if ((object as Pod).spec?.serviceAccountName !== account)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    )
  return { ...nodeOf(call, object), pod: { name, uid } }
}

const BINDABLE: Readonly<Record<string, string>> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }

const isForApi = (audiences: readonly string[]) => audiences.some((audience) => API_AUDIENCES.includes(audience))

function nodeOf(call: Call, pod: KubernetesObject): Bound {
  const name = (pod as { spec?: { nodeName?: string } }).spec?.nodeName
  if (!name) return {}
  const nodes = call.parts.registry.find('', 'v1', 'nodes')
  const uid = nodes && call.parts.registry.peek(nodes, '', name)?.object.metadata.uid
  return { node: { name, ...(uid ? { uid } : {}) } }
}

/** Even what is not stored says who wrote it: what was sent, with the default for the expiration. */
function managed(sent: Draft<TokenRequest>, expirationSeconds: number, manager: string, now: number): object {
  const object = { ...sent, metadata: {}, spec: { ...sent.spec, expirationSeconds } } as KubernetesObject
  const managedFields = updateManagedFields({
    old: undefined,
    new: object,
    manager,
    subresource: 'token',
    time: rfc3339(now * 1000),
    definition: DEFINITION,
    apiVersion: 'authentication.k8s.io/v1',
  })
  return managedFields ? { managedFields } : {}
}
