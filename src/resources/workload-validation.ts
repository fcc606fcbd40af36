/** What ReplicationController, ReplicaSet and Deployment check alike: selectors, templates, counts. */
import { addErrors, type FieldError, forbiddenField, invalid, notSupported, required } from '../api/field-error.ts'
import { labelNameErrors } from '../api/names.ts'
import type { KubernetesObject } from '../api/object.ts'
import type { PodTemplateSpec } from '../api/types/core-v1.gen.ts'
import type { LabelSelector } from '../api/types/meta-v1.gen.ts'
import { podTemplateErrors } from './core/pod-validation.ts'
import { podWarnings } from './core/pod-warnings.ts'
import type { Context } from './declaration.ts'
import { isEmptySelector, isEvaluable, type Labels, labelSelectorErrors, selects } from './label-selector.ts'

export function negativeErrors(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : []
}

/** A status of counts: none is negative, and none but `replicas` itself is greater than that, of those in `parts`. */
export function replicaStatusErrors(
  status: object | undefined,
  counts: readonly string[],
  parts: readonly string[],
): FieldError[] {
  const present: Readonly<Record<string, unknown>> = { ...status }
  const count = (name: string) => (present[name] as number | undefined) ?? 0
  const errors = counts.flatMap((name) => negativeErrors(`status.${name}`, count(name)))
  for (const name of parts)
    if (count(name) > count('replicas'))
      errors.push(invalid(`status.${name}`, count(name), 'cannot be greater than status.replicas'))
  if (count('availableReplicas') > count('readyReplicas'))
    errors.push(invalid('status.availableReplicas', count('availableReplicas'), 'cannot be greater than readyReplicas'))
  return errors
}

/** What ReplicationController and ReplicaSet count. */
export function replicaSetStatusErrors(status: object | undefined): FieldError[] {
  const parts = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']
  return replicaStatusErrors(status, ['replicas', ...parts, 'observedGeneration', 'terminatingReplicas'], parts)
}

/** spec.selector and spec.template of the kinds of group apps. */
export function selectorAndTemplateErrors(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  kind = 'deployment',
): FieldError[] {
  const errors: FieldError[] = []
  if (!selector) errors.push(required('spec.selector'))
  else {
    addErrors(errors, labelSelectorErrors('spec.selector', selector))
    if (isEmptySelector(selector))
      errors.push(invalid('spec.selector', selector, `empty selector is invalid for ${kind}`))
    if (!isEvaluable(selector)) {
      errors.push(invalid('spec.selector', selector, 'invalid label selector'))
      return errors
    }
  }
  return [...errors, ...matchingTemplateErrors(template, (labels) => selects(selector, labels))]
}

interface Workload extends KubernetesObject {
  readonly spec?: { readonly template?: PodTemplateSpec }
}

/** Warnings about the name of a new workload, and about its pods whenever its spec is new. */
export function workloadWarnings(object: Workload, old: Workload | undefined, { warn }: Context): void {
  if (old && object.metadata.generation === old.metadata.generation) return
  const messages = old ? [] : labelNameErrors(object.metadata.name ?? '')
  if (messages.length > 0)
    warn(
      `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
    )
  const template = object.spec?.template
  if (template) podWarnings(template, 'spec.template', warn)
}

/** A template whose labels must match, whose pods restart always. */
export function matchingTemplateErrors(
  template: PodTemplateSpec | undefined,
  matches: (labels: Labels | undefined) => boolean,
): FieldError[] {
  if (!template) return [required('spec.template')]
  const labels = template.metadata?.labels
  const errors: FieldError[] = []
  if (!matches(labels)) {
    errors.push(invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'))
  }
  addErrors(errors, podTemplateErrors(template, 'spec.template'))
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {}
  if (restartPolicy !== 'Always' && ['OnFailure', 'Never'].includes(restartPolicy ?? '')) {
    errors.push(notSupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']))
  }
  if (activeDeadlineSeconds !== undefined) {
    errors.push(
      forbiddenField(
        'spec.template.spec.activeDeadlineSeconds',
        'activeDeadlineSeconds in ReplicaSet is not Supported',
      ),
    )
  }
  return errors
}
