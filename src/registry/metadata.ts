/** Rules of metadata that hold for every kind (apimachinery's ValidateObjectMeta and ValidateObjectMetaUpdate). */
import { addErrors, type FieldError, forbiddenField, invalid, required } from '../api/field-error.ts'
import { jsonEqual } from '../api/json-equal.ts'
import { labelNameErrors, labelValueErrors, qualifiedNameErrors } from '../api/names.ts'
import type { Draft, ObjectMeta, OwnerReference } from '../api/object.ts'
import type { ResourceDeclaration } from '../resources/declaration.ts'

/** All keys and values of the annotations of an object together, in bytes. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024

const STANDARD_FINALIZERS = ['orphan', 'foregroundDeletion', 'kubernetes']

export function metadataErrors(declaration: ResourceDeclaration, meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  if (meta.generateName) {
    // The random end is five letters or digits: what may come before it is what is a name together with one.
    for (const message of declaration.nameErrors(maskTrailingDash(meta.generateName)))
      errors.push(invalid('metadata.generateName', meta.generateName, message))
  }
  if (!meta.name) errors.push(required('metadata.name', 'name or generateName is required'))
  else
    for (const message of declaration.nameErrors(meta.name)) errors.push(invalid('metadata.name', meta.name, message))
  addErrors(errors, namespaceErrors(declaration, meta))
  if ((meta.generation ?? 0) < 0)
    errors.push(invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0'))
  addErrors(errors, commonErrors(meta))
  return errors
}

function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name
}

function namespaceErrors(declaration: ResourceDeclaration, meta: ObjectMeta): FieldError[] {
  const namespace = meta.namespace ?? ''
  if (!declaration.namespaced)
    return namespace ? [forbiddenField('metadata.namespace', 'not allowed on this type')] : []
  if (!namespace) return [required('metadata.namespace')]
  return labelNameErrors(namespace).map((message) => invalid('metadata.namespace', namespace, message))
}

function commonErrors(meta: ObjectMeta): FieldError[] {
  if (!meta.labels && !meta.annotations && !meta.ownerReferences && !meta.finalizers) return []
  return [
    ...labelErrors(meta.labels ?? {}),
    ...annotationErrors(meta.annotations ?? {}),
    ...ownerErrors(meta.ownerReferences ?? []),
    ...finalizerErrors(meta.finalizers ?? []),
  ]
}

function labelErrors(labels: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = []
  for (const key in labels) {
    for (const message of qualifiedNameErrors(key)) errors.push(invalid('metadata.labels', key, message))
    const value = labels[key] ?? ''
    for (const message of labelValueErrors(value)) errors.push(invalid('metadata.labels', value, message))
  }
  return errors
}

function annotationErrors(annotations: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = []
  let size = 0
  for (const key in annotations) {
    for (const message of qualifiedNameErrors(key.toLowerCase()))
      errors.push(invalid('metadata.annotations', key, message))
    size += bytes(key) + bytes(annotations[key] ?? '')
  }
  if (size > ANNOTATIONS_BYTES_MAX)
    errors.push({
      type: 'FieldValueTooLong',
      field: 'metadata.annotations',
      message: `Too long: may not be more than ${ANNOTATIONS_BYTES_MAX} bytes`,
    })
  return errors
}

const encoder = new TextEncoder()

/** Length in UTF-8; short texts cannot pass the limit, so their exact length is not looked for. */
function bytes(text: string): number {
  return text.length < 1024 ? text.length : encoder.encode(text).length
}

function ownerErrors(owners: readonly OwnerReference[]): FieldError[] {
  const errors: FieldError[] = []
  const field = 'metadata.ownerReferences'
  for (const owner of owners) {
    const at = `${field}`
    if (!owner.apiVersion) errors.push(invalid(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'))
    if (!owner.kind) errors.push(invalid(`${at}.kind`, owner.kind ?? '', 'must not be empty'))
    if (!owner.name) errors.push(invalid(`${at}.name`, owner.name ?? '', 'must not be empty'))
    if (!owner.uid) errors.push(invalid(`${at}.uid`, owner.uid ?? '', 'must not be empty'))
    if (owner.apiVersion === 'v1' && owner.kind === 'Event')
      errors.push(invalid(at, owner, `/${owner.apiVersion}, Kind=${owner.kind} is disallowed from being an owner`))
  }
  const controllers = owners.filter((owner) => owner.controller)
  if (controllers.length > 1)
    errors.push(
      invalid(
        field,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${named(controllers[0])} and ${named(controllers[1])}`,
      ),
    )
  return errors
}

const named = (owner: OwnerReference | undefined) => `${owner?.kind}/${owner?.name}`

/** Each owner once: a second reference that equals another is dropped, and the client told. */
export function dropDuplicateOwners(meta: Draft<ObjectMeta>, warn: (text: string) => void): void {
  const owners = meta.ownerReferences
  if (!owners || owners.length < 2) return
  const twice = new Set<string>()
  const kept = new Map<string, (typeof owners)[number]>()
  for (const owner of owners) {
    // Their members stand in one order by now.
    const key = JSON.stringify(owner)
    if (kept.has(key)) twice.add(owner.uid)
    else kept.set(key, owner)
  }
  if (twice.size === 0) return
  meta.ownerReferences = [...kept.values()]
  warn(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...twice].join(', ')}`,
  )
}

function finalizerErrors(finalizers: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const field = 'metadata.finalizers'
  for (const [i, name] of finalizers.entries()) {
    for (const message of qualifiedNameErrors(name)) errors.push(invalid(field, name, message))
    if (!name.includes('/') && !STANDARD_FINALIZERS.includes(name))
      errors.push(
        invalid(`${field}[${i}]`, name, 'name is neither a standard finalizer name nor is it fully qualified'),
      )
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    errors.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
  return errors
}

const IMMUTABLE = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

export function metadataUpdateErrors(meta: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  if (old.deletionTimestamp !== undefined) {
    const before = new Set(old.finalizers)
    const added = (meta.finalizers ?? []).filter((name) => !before.has(name))
    if (added.length > 0)
      errors.push(
        forbiddenField(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers ${goStrings(added)}`,
        ),
      )
  }
  if (!meta.resourceVersion) errors.push(invalid('metadata.resourceVersion', '', 'must be specified for an update'))
  for (const key of IMMUTABLE)
    if (meta[key] !== old[key]) errors.push(invalid(`metadata.${key}`, meta[key] ?? null, 'field is immutable'))
  if (changed(meta, old)) addErrors(errors, commonErrors(meta))
  return errors
}

function changed(meta: ObjectMeta, old: ObjectMeta): boolean {
  return (
    !jsonEqual(meta.labels, old.labels) ||
    !jsonEqual(meta.annotations, old.annotations) ||
    !jsonEqual(meta.finalizers, old.finalizers) ||
    !jsonEqual(meta.ownerReferences, old.ownerReferences)
  )
}

/** A list of strings as Go's %#v prints it. */
function goStrings(values: readonly string[]): string {
  return `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`
}
