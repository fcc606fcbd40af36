/** Namespace v1: its life has a phase, and spec.finalizers that only the finalize subresource changes. */
import { type FieldError, invalid } from '../../api/field-error.ts'
import { labelNameErrors, qualifiedNameErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import { forbidden } from '../../api/status.ts'
import type { Namespace } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration, WriteStrategy } from '../declaration.ts'
import { declare, keepBesides } from '../declare.ts'
import { since } from '../format.ts'
import { admitNamespaceLabels } from '../pod-security/admit.ts'

/** Namespaces that the cluster cannot do without: DELETE answers 403. */
const PROTECTED = ['default', 'kube-system', 'kube-public']
const NAME_LABEL = 'kubernetes.io/metadata.name'

const finalize: WriteStrategy<Namespace> = {
  prepare(draft, old) {
    if (old) keepBesides(draft, old, ['metadata', 'spec'])
  },
  validate: (namespace) => finalizerErrors(namespace, (i) => `spec.finalizers[${i}]`),
}

export const namespace: ResourceDeclaration<Namespace> = declare<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  definition: 'io.k8s.api.core.v1.Namespace',
  nameErrors: labelNameErrors,
  status: 'owned',
  default: (draft) => {
    draft.spec ??= {}
    labelName(draft)
  },
  prepare(draft, old) {
    if (old) {
      if (old.spec === undefined) delete draft.spec
      else draft.spec = old.spec as Draft<Namespace>['spec'] & {}
      return
    }
    draft.status = { phase: 'Active' }
    draft.spec ??= {}
    const finalizers = draft.spec.finalizers ?? []
    draft.spec.finalizers = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes']
    labelName(draft)
  },
  validate: (object, old) => (old ? [] : finalizerErrors(object, () => 'spec.finalizers')),
  admit: admitNamespaceLabels,
  validateStatus: phaseErrors,
  subresources: [{ name: 'finalize', verbs: ['update'], strategy: finalize }],
  fields: { 'status.phase': (n) => n.status?.phase ?? '' },
  row: (n, now) => [n.metadata.name ?? '', n.status?.phase ?? '', since(n.metadata.creationTimestamp, now)],
  delete: {
    returnsObject: true,
    refuse(object) {
      const name = object.metadata.name ?? ''
      if (PROTECTED.includes(name)) {
        throw forbidden({ group: '', resource: 'namespaces' }, name, 'this namespace may not be deleted')
      }
    },
    blocked: (object) => (object.spec?.finalizers?.length ?? 0) > 0,
    mark(draft) {
      draft.status = { ...draft.status, phase: 'Terminating' }
    },
  },
})

function labelName(draft: Draft<Namespace>): void {
  const { name } = draft.metadata
  if (name && draft.metadata.labels?.[NAME_LABEL] !== name) {
    draft.metadata.labels = { ...draft.metadata.labels, [NAME_LABEL]: name }
  }
}

function finalizerErrors(object: Namespace, path: (i: number) => string): FieldError[] {
  return (object.spec?.finalizers ?? []).flatMap((name, i) => {
    const field = path(i)
    const errors = qualifiedNameErrors(name).map((message) => invalid(field, name, message))
    if (!name.includes('/') && !['kubernetes', 'orphan', 'foregroundDeletion'].includes(name)) {
      errors.push(invalid(field, name, 'name is neither a standard finalizer name nor is it fully qualified'))
    }
    return errors
  })
}

function phaseErrors(object: Namespace): FieldError[] {
  const phase = object.status?.phase
  if (!object.metadata.deletionTimestamp) {
    return phase === 'Active'
      ? []
      : [invalid('status.Phase', phase ?? '', "may only be 'Active' if `deletionTimestamp` is empty")]
  }
  return phase === 'Terminating'
    ? []
    : [invalid('status.Phase', phase ?? '', "may only be 'Terminating' if `deletionTimestamp` is not empty")]
}
