/** RuntimeClass node.k8s.io/v1. Overhead and scheduling of a class are obeyed (`core/runtime-class-admission.ts`). */
import { duplicate, type FieldError, forbiddenField, invalid, required } from '../../api/field-error.ts'
import { labelNameErrors } from '../../api/names.ts'
import type { RuntimeClass, Scheduling } from '../../api/types/node-v1.gen.ts'
import { resourcesErrors } from '../core/resource-validation.ts'
import { tolerationsErrors } from '../core/scheduling-validation.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { goForm } from '../go-form.ts'
import { labelSelectorErrors } from '../label-selector.ts'

export const runtimeClass: ResourceDeclaration<RuntimeClass> = declare<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
  definition: 'io.k8s.api.node.v1.RuntimeClass',
  validate: classErrors,
  warn(object, old, { warn }) {
    if (object.handler !== old?.handler)
      warn(`handler: ebb runs every pod in the same way; ${JSON.stringify(object.handler)} makes no difference`)
  },
  row: (c, now) => [c.metadata.name ?? '', c.handler ?? '', since(c.metadata.creationTimestamp, now)],
})

function classErrors(
  { handler = '', overhead, scheduling }: RuntimeClass,
  old: RuntimeClass | undefined,
): FieldError[] {
  if (old) return handler === old.handler ? parts() : [...parts(), invalid('handler', handler, 'field is immutable')]
  const why = labelNameErrors(handler).map((message) => invalid('handler', handler, message))
  return [...(handler ? why : [required('handler')]), ...parts()]

  function parts(): FieldError[] {
    return [...overheadErrors(overhead?.podFixed ?? {}), ...schedulingErrors(scheduling ?? {})]
  }
}

function overheadErrors(podFixed: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = []
  resourcesErrors({ limits: podFixed }, 'overhead', errors)
  const names = Object.keys(podFixed)
  if (names.some((name) => name.startsWith('hugepages-')) && !names.includes('cpu') && !names.includes('memory'))
    errors.push(forbiddenField('overhead', 'HugePages require cpu or memory'))
  return errors
}

function schedulingErrors({ nodeSelector, tolerations = [] }: Scheduling): FieldError[] {
  const errors = labelSelectorErrors('scheduling', { matchLabels: nodeSelector ?? {} }).map((error) => {
    return { ...error, field: 'scheduling.nodeSelector' }
  })
  tolerationsErrors(tolerations, 'scheduling.tolerations', errors)
  const seen = new Set<string>()
  for (const [i, toleration] of tolerations.entries()) {
    const form = goForm(toleration, 'Toleration')
    if (seen.has(JSON.stringify(form))) errors.push(duplicate(`scheduling.tolerations[${i}]`, form))
    seen.add(JSON.stringify(form))
  }
  return errors
}
