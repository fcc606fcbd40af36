/** StatefulSet apps/v1. */
import { type FieldError, forbiddenField, invalid, notSupported } from '../../api/field-error.ts'
import type { Draft } from '../../api/object.ts'
import type { StatefulSet, StatefulSetSpec } from '../../api/types/apps-v1.gen.ts'
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { sameJson } from '../compare.ts'
import { claimSpecErrors } from '../core/claim-validation.ts'
import { defaultClaimSpec } from '../core/persistent-volume-claim.ts'
import { defaultTemplate, dropGatedFields } from '../core/pod-defaults.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { containerCells, selectorText, since } from '../format.ts'
import { admitTemplate } from '../pod-security/admit.ts'
import { negativeErrors, selectorAndTemplateErrors } from '../workload-validation.ts'

const CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]
const RETENTIONS = ['Retain', 'Delete']
const FORBIDDEN =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"

export const statefulSet: ResourceDeclaration<StatefulSet> = declare<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  definition: 'io.k8s.api.apps.v1.StatefulSet',
  generation: 'spec',
  status: 'owned',
  emptyStatus: () => ({ replicas: 0, availableReplicas: 0 }),
  default(draft) {
    draft.spec ??= {} as Draft<StatefulSetSpec>
    defaultSpec(draft.spec)
  },
  prepare: (draft) => dropGatedFields(draft.spec.template?.spec),
  admit: admitTemplate((s) => s.spec.template),
  validate: (object, old) => specErrors(object.spec, old?.spec),
  scale: {
    replicas: (s) => s.spec.replicas ?? 0,
    setReplicas(draft, replicas) {
      draft.spec.replicas = replicas
    },
    statusReplicas: (s) => s.status?.replicas ?? 0,
    selector: (s) => selectorText(s.spec.selector),
  },
  row: (s, now) => [
    s.metadata.name ?? '',
    `${s.status?.readyReplicas ?? 0}/${s.spec.replicas ?? 0}`,
    since(s.metadata.creationTimestamp, now),
    ...containerCells(s.spec.template?.spec?.containers),
  ],
})

function defaultSpec(spec: Draft<StatefulSetSpec>): void {
  spec.replicas ??= 1
  spec.serviceName ??= ''
  spec.podManagementPolicy ||= 'OrderedReady'
  spec.revisionHistoryLimit ??= 10
  spec.updateStrategy ??= {}
  spec.updateStrategy.type ||= 'RollingUpdate'
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate = { partition: 0, ...spec.updateStrategy.rollingUpdate }
  }
  const retention = spec.persistentVolumeClaimRetentionPolicy
  spec.persistentVolumeClaimRetentionPolicy = {
    whenDeleted: retention?.whenDeleted || 'Retain',
    whenScaled: retention?.whenScaled || 'Retain',
  }
  spec.template ??= {}
  defaultTemplate(spec.template)
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.kind = 'PersistentVolumeClaim'
    claim.apiVersion = 'v1'
    claim.metadata ??= {}
    claim.spec ??= {}
    defaultClaimSpec(claim.spec)
    claim.status = { phase: 'Pending', ...claim.status }
  }
}

function specErrors(spec: StatefulSetSpec, old: StatefulSetSpec | undefined): FieldError[] {
  const errors: FieldError[] = []
  const { podManagementPolicy: policy, updateStrategy: strategy } = spec
  if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    errors.push(invalid('spec.podManagementPolicy', policy ?? '', "must be 'OrderedReady' or 'Parallel'"))
  }
  if (strategy?.type !== 'RollingUpdate' && strategy?.type !== 'OnDelete') {
    const shown = { Type: strategy?.type ?? '', RollingUpdate: strategy?.rollingUpdate ?? null }
    errors.push(invalid('spec.updateStrategy', shown, "must be 'RollingUpdate' or 'OnDelete'"))
  }
  errors.push(
    ...negativeErrors('spec.updateStrategy.rollingUpdate.partition', strategy?.rollingUpdate?.partition),
    ...negativeErrors('spec.ordinals.start', spec.ordinals?.start),
    ...negativeErrors('spec.replicas', spec.replicas),
    ...negativeErrors('spec.minReadySeconds', spec.minReadySeconds),
    ...negativeErrors('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...selectorAndTemplateErrors(spec.selector, withClaims(spec), 'statefulset'),
    ...retentionErrors(spec),
  )
  if (!old)
    for (const [i, claim] of (spec.volumeClaimTemplates ?? []).entries())
      errors.push(...claimSpecErrors(claim.spec ?? {}, `spec.volumeClaimTemplates[${i}].spec`))
  if (old && !sameJson(fixed(spec), fixed(old))) errors.push(forbiddenField('spec', FORBIDDEN))
  return errors
}

/** The template as its pods will be: claims become volumes, and go before those of the template; of one name the claim stays. */
function withClaims({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec | undefined {
  if (!template?.spec || volumeClaimTemplates.length === 0) return template
  const claims = volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? '')
  const volumes = [
    ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(template.spec.volumes ?? []).filter(({ name }) => !claims.includes(name)),
  ]
  return { ...template, spec: { ...template.spec, volumes } }
}

function retentionErrors({ persistentVolumeClaimRetentionPolicy: policy }: StatefulSetSpec): FieldError[] {
  const field = 'spec.persistentVolumeClaimRetentionPolicy'
  return (['whenDeleted', 'whenScaled'] as const).flatMap((key) => {
    const value = policy?.[key] ?? ''
    return RETENTIONS.includes(value) ? [] : [notSupported(`${field}.${key}`, value, RETENTIONS)]
  })
}

/** What cannot change once the set exists. */
function fixed(spec: StatefulSetSpec): object {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => !CHANGEABLE.includes(key)))
}
