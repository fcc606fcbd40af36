/** Rules of environment variables and where they come from. */
import { type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import { configKeyErrors, environmentNameErrors, qualifiedNameErrors, subdomainErrors } from '../../api/names.ts'
import { canonicalQuantity } from '../../api/quantity.ts'
import type {
  Container,
  EnvFromSource,
  EnvVarSource,
  EphemeralContainer,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../../api/types/core-v1.gen.ts'

/** Paths that exist as field selectors of pods; others are unknown altogether. */
const KNOWN_PATHS = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
  'spec.host',
])
const ENV_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
export const VOLUME_PATHS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
]
const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]
const BYTES = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']
const DIVISORS = [
  { resources: /\.cpu$/, name: 'cpu', divisors: ['1m', '1'], join: ' and ' },
  { resources: /\.memory$/, name: 'memory', divisors: BYTES, join: ', ' },
  { resources: /\.ephemeral-storage$/, name: 'local ephemeral storage', divisors: BYTES, join: ', ' },
  { resources: /\.hugepages-/, name: 'hugepages', divisors: BYTES, join: ', ' },
]
const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'] as const

export function envErrors(container: Container | EphemeralContainer, field: string, errors: FieldError[]): void {
  const { env, envFrom } = container
  if (env) {
    for (let i = 0; i < env.length; i++) {
      const { name, value, valueFrom } = env[i]!
      if (!name) errors.push(required(`${field}.env[${i}].name`))
      else for (const m of environmentNameErrors(name)) errors.push(invalid(`${field}.env[${i}].name`, name, m))
      if (valueFrom) sourceErrors(valueFrom, `${field}.env[${i}].valueFrom`, value ?? '', errors)
    }
  }
  if (envFrom) for (let i = 0; i < envFrom.length; i++) fromErrors(envFrom[i]!, i, `${field}.envFrom`, errors)
}

function sourceErrors(source: EnvVarSource, field: string, value: string, errors: FieldError[]): void {
  const count = SOURCES.filter((key) => source[key] !== undefined).length
  if (source.fieldRef) fieldRefErrors(source.fieldRef, `${field}.fieldRef`, ENV_PATHS, errors)
  if (source.resourceFieldRef) resourceRefErrors(source.resourceFieldRef, `${field}.resourceFieldRef`, errors)
  if (source.configMapKeyRef) keyRefErrors(source.configMapKeyRef, `${field}.configMapKeyRef`, errors)
  if (source.secretKeyRef) keyRefErrors(source.secretKeyRef, `${field}.secretKeyRef`, errors)
  if (count === 0) {
    const why = 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'
    errors.push(invalid(field, '', why))
  } else if (value !== '') errors.push(invalid(field, '', 'may not be specified when `value` is not empty'))
  else if (count > 1) errors.push(invalid(field, '', 'may not have more than one field specified at a time'))
}

/** A reference to a field of the pod itself; `paths` are those that may be used here. */
export function fieldRefErrors(
  ref: ObjectFieldSelector,
  field: string,
  paths: readonly string[],
  errors: FieldError[],
): void {
  const { apiVersion, fieldPath } = ref
  if (!apiVersion) return void errors.push(required(`${field}.apiVersion`))
  if (!fieldPath) return void errors.push(required(`${field}.fieldPath`))
  if (apiVersion !== 'v1') {
    const why = `error converting fieldPath: unsupported pod version: ${apiVersion}`
    return void errors.push(invalid(`${field}.fieldPath`, fieldPath, why))
  }
  const subscript = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/.exec(fieldPath)
  if (subscript) {
    const key = subscript[2] ?? ''
    const shown = subscript[1]?.endsWith('annotations') ? key.toLowerCase() : key
    for (const message of qualifiedNameErrors(shown)) errors.push(invalid(field, key, message))
    return
  }
  if (!KNOWN_PATHS.has(fieldPath)) {
    const why = `error converting fieldPath: field label not supported: ${fieldPath}`
    errors.push(invalid(`${field}.fieldPath`, fieldPath, why))
  } else if (!paths.includes(fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath)) {
    errors.push(notSupported(`${field}.fieldPath`, fieldPath, paths))
  }
}

/** `container`: whose resources are meant; a volume has to say it. */
export function resourceRefErrors(
  { resource, divisor }: ResourceFieldSelector,
  field: string,
  errors: FieldError[],
  container?: string,
): void {
  if (container === '') errors.push(required(`${field}.containerName`))
  else if (!resource) errors.push(required(`${field}.resource`))
  else if (!RESOURCES.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    errors.push(notSupported(`${field}.resource`, resource, RESOURCES))
  }
  const unit = DIVISORS.find(({ resources }) => resources.test(resource ?? ''))
  if (!unit || divisor === undefined) return
  const amount = canonicalQuantity(String(divisor))
  if (amount === '0' || unit.divisors.includes(amount)) return
  const why = `only divisor's values ${unit.divisors.join(unit.join)} are supported with the ${unit.name} resource`
  errors.push(invalid(`${field}.divisor`, resource, why))
}

function keyRefErrors(ref: { name?: string; key?: string }, field: string, errors: FieldError[]): void {
  const name = ref.name ?? ''
  for (const message of subdomainErrors(name)) errors.push(invalid(`${field}.name`, name, message))
  if (!ref.key) errors.push(required(`${field}.key`))
  else for (const message of configKeyErrors(ref.key)) errors.push(invalid(`${field}.key`, ref.key, message))
}

/** `field` is the path of the list: what is missing or too much is said of it as a whole. */
function fromErrors(source: EnvFromSource, i: number, field: string, errors: FieldError[]): void {
  if (source.prefix) {
    for (const message of environmentNameErrors(source.prefix)) {
      errors.push(invalid(`${field}[${i}].prefix`, source.prefix, message))
    }
  }
  let count = 0
  for (const key of ['configMapRef', 'secretRef'] as const) {
    const ref = source[key]
    if (!ref) continue
    count++
    const at = `${field}[${i}].${key}.name`
    if (!ref.name) errors.push(required(at))
    else for (const message of subdomainErrors(ref.name)) errors.push(invalid(at, ref.name, message))
  }
  if (count === 0) errors.push(invalid(field, '', 'must specify one of: `configMapRef` or `secretRef`'))
  else if (count > 1) errors.push(invalid(field, '', 'may not have more than one field specified at a time'))
}
