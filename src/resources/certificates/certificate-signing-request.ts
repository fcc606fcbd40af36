/** CertificateSigningRequest certificates.k8s.io/v1: asked for, approved or denied, and shown. Nobody signs yet. */
import { humanDuration } from '../../api/duration.ts'
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../../api/field-error.ts'
import { labelNameErrors, pathSegmentErrors, subdomainErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type {
  CertificateSigningRequestCondition as Condition,
  CertificateSigningRequest as Csr,
} from '../../api/types/certificates-v1.gen.ts'
import type { Context, ResourceDeclaration, WriteStrategy } from '../declaration.ts'
import { declare, keepBesides } from '../declare.ts'
import { since } from '../format.ts'

const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
]
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown'
const DURATION_MIN_S = 600
/** Conditions that only the subresource approval sets. They are never taken back. */
const DECISIONS = ['Approved', 'Denied']
const REQUEST_BLOCK = '-----BEGIN CERTIFICATE REQUEST-----'
const CERTIFICATE_BLOCK = '-----BEGIN CERTIFICATE-----'

const isDecision = ({ type }: Pick<Condition, 'type'>): boolean => DECISIONS.includes(type)

/** The decision may change, the certificate and the spec may not. */
const approval: WriteStrategy<Csr> = {
  prepare(draft, old, context) {
    if (!old) return
    keepBesides(draft, old, ['metadata', 'status'])
    const { certificate: _, ...decided } = draft.status ?? {}
    const { certificate } = old.status ?? {}
    draft.status = { ...decided, ...(certificate ? { certificate } : {}) }
    dateConditions(draft, old, context)
  },
  validate: (object, old) => [...conditionErrors(object), ...takenBackErrors(object, old)],
}

export const certificateSigningRequest: ResourceDeclaration<Csr> = declare<Csr>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  definition: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
  nameErrors: pathSegmentErrors,
  status: 'owned',
  default(draft) {
    draft.spec ??= {} as Draft<Csr>['spec']
  },
  prepare(draft, old, { user }) {
    if (old) {
      draft.spec = old.spec as Draft<Csr>['spec']
      return
    }
    // Who asks is what the server knows, never what the object says.
    const { spec } = draft
    delete spec.uid
    delete spec.extra
    const { uid, extra } = user
    Object.assign(spec, { username: user.name, groups: [...user.groups], ...(uid && { uid }), ...(extra && { extra }) })
  },
  validate: (object, old) => (old ? [] : requestErrors(object.spec)),
  warn({ spec }, old, { warn }) {
    if (!old) warn(`ebb signs no certificates: nothing comes of the approval for ${JSON.stringify(spec.signerName)}`)
  },
  prepareStatus(draft, old, context) {
    const decided = (old.status?.conditions ?? []).filter(isDecision)
    const others = (draft.status?.conditions ?? []).filter((condition) => !isDecision(condition))
    const conditions = [...decided, ...others] as Draft<Condition>[]
    draft.status = { ...draft.status }
    if (conditions.length > 0) draft.status.conditions = conditions
    else delete draft.status.conditions
    dateConditions(draft, old, context)
  },
  validateStatus: (object) => [...conditionErrors(object), ...certificateErrors(object)],
  subresources: [{ name: 'approval', verbs: ['get', 'patch', 'update'], strategy: approval }],
  fields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  row: ({ metadata, spec, status }, now) => [
    metadata.name ?? '',
    since(metadata.creationTimestamp, now),
    spec?.signerName ?? '',
    spec?.username ?? '',
    spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    stateText(status),
  ],
})

function stateText(status: Csr['status']): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type)
  const decided = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return `${decided}${has('Failed') ? ',Failed' : ''}${status?.certificate ? ',Issued' : ''}`
}

function dateConditions(draft: Draft<Csr>, old: Csr, { now }: Context): void {
  const before = (type: string, status: string) =>
    old.status?.conditions?.find((condition) => condition.type === type && condition.status === status)
  draft.status ??= {}
  draft.status.conditions = draft.status.conditions?.map((condition) => ({
    ...condition,
    lastUpdateTime: condition.lastUpdateTime ?? now,
    lastTransitionTime:
      condition.lastTransitionTime ?? before(condition.type, condition.status)?.lastTransitionTime ?? now,
  })) as Draft<Condition>[]
  if (!draft.status.conditions) delete draft.status.conditions
}

function requestErrors({ request, usages = [], signerName, expirationSeconds }: Csr['spec']): FieldError[] {
  const errors: FieldError[] = []
  if (!textOf(request).startsWith(REQUEST_BLOCK))
    errors.push(invalid('spec.request', request ?? null, 'PEM block type must be CERTIFICATE REQUEST'))
  if (usages.length === 0) errors.push(required('spec.usages'))
  for (const [i, usage] of usages.entries()) {
    if (!USAGES.includes(usage)) errors.push(notSupported(`spec.usages[${i}]`, usage, USAGES))
    else if (usages.indexOf(usage) < i) errors.push(duplicate(`spec.usages[${i}]`, usage))
  }
  errors.push(...signerErrors(signerName ?? ''))
  if (expirationSeconds !== undefined && expirationSeconds < DURATION_MIN_S)
    errors.push(
      invalid(
        'spec.expirationSeconds',
        expirationSeconds,
        `may not specify a duration less than ${DURATION_MIN_S} seconds (10 minutes)`,
      ),
    )
  return errors
}

/** `example.com/signer-name` */
function signerErrors(name: string): FieldError[] {
  const field = 'spec.signerName'
  if (!name) return [required(field)]
  const [domain = '', path, ...rest] = name.split('/')
  if (path === undefined || rest.length > 0) {
    const why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
    return [invalid(field, name, why)]
  }
  if (name === LEGACY_SIGNER) return [invalid(field, name, 'the legacy signerName is not allowed via this API version')]
  const labels = domain.split('.').flatMap((label) => labelNameErrors(label).map((why) => ({ label, why })))
  return [
    ...labels.map(({ label, why }) => invalid(field, domain, `validating label ${JSON.stringify(label)}: ${why}`)),
    ...(labels.length === 0 && !domain.includes('.')
      ? [invalid(field, domain, 'should be a domain with at least two segments separated by dots')]
      : []),
    ...subdomainErrors(path).map((why) => invalid(field, path, `validating label ${JSON.stringify(path)}: ${why}`)),
  ]
}

function conditionErrors({ status }: Csr): FieldError[] {
  const conditions = status?.conditions ?? []
  const errors: FieldError[] = []
  for (const [i, { type, status: value }] of conditions.entries()) {
    const at = `status.conditions[${i}]`
    if (!type) errors.push(required(`${at}.type`))
    else if (conditions.findIndex((other) => other.type === type) < i) errors.push(duplicate(`${at}.type`, type))
    const only = [...DECISIONS, 'Failed'].includes(type) ? ['True'] : ['False', 'True', 'Unknown']
    if (!value) errors.push(required(`${at}.status`))
    else if (!only.includes(value)) errors.push(notSupported(`${at}.status`, value, only))
  }
  const decided = conditions.filter(isDecision).map(({ type }) => type)
  if (new Set(decided).size > 1)
    errors.push(invalid('status.conditions', decided.at(-1), 'Approved and Denied conditions are mutually exclusive'))
  return errors
}

function takenBackErrors(object: Csr, old: Csr | undefined): FieldError[] {
  const gone = (old?.status?.conditions ?? []).filter(isDecision).filter(({ type }) => {
    return !object.status?.conditions?.some((condition) => condition.type === type)
  })
  return gone.map(({ type }) =>
    forbiddenField('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`),
  )
}

function certificateErrors({ status }: Csr): FieldError[] {
  const { certificate } = status ?? {}
  if (!certificate || textOf(certificate).includes(CERTIFICATE_BLOCK)) return []
  const why = 'must contain at least one CERTIFICATE PEM block'
  return [invalid('status.certificate', '<certificate data>', why)]
}

/** Base64 as text; decoding has made sure that it is base64. */
const textOf = (base64: string | undefined): string => (base64 ? atob(base64) : '')
