/** Event v1, the stored form. events.k8s.io/v1 is a view of it (events/event.ts). */
import { type FieldError, invalid, required } from '../../api/field-error.ts'
import { pathSegmentErrors, qualifiedNameErrors } from '../../api/names.ts'
import { parseTime } from '../../api/time.ts'
import type { Event } from '../../api/types/core-v1.gen.ts'
import { sameJson } from '../compare.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { goForm } from '../go-form.ts'

const NAMESPACE = 'does not match event.namespace'
const NAME_LENGTH_MAX = 128
const NOTE_LENGTH_MAX = 1024
const atMost = (length: number) => `can have at most ${length} characters`
const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const

export const event: ResourceDeclaration<Event> = declare<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  definition: 'io.k8s.api.core.v1.Event',
  nameErrors: pathSegmentErrors,
  createOnUpdate: true,
  validate: (object) => eventErrors(object),
  fields: eventFields((e) => e),
  row: eventRow,
})

/** Names of the field selectors; `core` gives the stored form. */
export function eventFields<T>(core: (object: T) => Event): Readonly<Record<string, (object: T) => string>> {
  const field = (get: (e: Event) => string | undefined) => (object: T) => get(core(object)) ?? ''
  return {
    'involvedObject.kind': field((e) => e.involvedObject?.kind),
    'involvedObject.namespace': field((e) => e.involvedObject?.namespace),
    'involvedObject.name': field((e) => e.involvedObject?.name),
    'involvedObject.uid': field((e) => e.involvedObject?.uid),
    'involvedObject.apiVersion': field((e) => e.involvedObject?.apiVersion),
    'involvedObject.resourceVersion': field((e) => e.involvedObject?.resourceVersion),
    'involvedObject.fieldPath': field((e) => e.involvedObject?.fieldPath),
    reason: field((e) => e.reason),
    reportingComponent: field((e) => e.reportingComponent),
    source: field((e) => e.source?.component || e.reportingComponent),
    type: field((e) => e.type),
  }
}

/** What holds for every event. Those of the new style, which say when they happened, must say by whom and why too. */
export function eventErrors(e: Event): FieldError[] {
  if (e.eventTime) return newStyleErrors(e)
  const about = e.involvedObject?.namespace ?? ''
  const own = e.metadata.namespace ?? ''
  // Events about objects without a namespace are kept in default.
  const fits = about === own || (about === '' && (own === 'default' || own === ''))
  return fits ? [] : [invalid('involvedObject.namespace', about, NAMESPACE)]
}

function newStyleErrors(e: Event): FieldError[] {
  const errors: FieldError[] = []
  const own = e.metadata.namespace ?? ''
  if (!e.involvedObject?.namespace && own !== 'default' && own !== 'kube-system')
    errors.push(invalid('involvedObject.namespace', '', NAMESPACE))
  const controller = e.reportingComponent ?? ''
  if (controller === '') errors.push(required('reportingController'))
  for (const message of qualifiedNameErrors(controller))
    errors.push(invalid('reportingController', controller, message))
  for (const key of ['reportingInstance', 'action', 'reason'] as const) {
    if (!e[key]) errors.push(required(key))
    else if (e[key].length > NAME_LENGTH_MAX) errors.push(invalid(key, '', atMost(NAME_LENGTH_MAX)))
  }
  if ((e.message?.length ?? 0) > NOTE_LENGTH_MAX) errors.push(invalid('message', '', atMost(NOTE_LENGTH_MAX)))
  return errors
}

/** What events.k8s.io demands besides: of a new event, or of one that is written again. */
export function strictEventErrors(e: Event, old: Event | undefined): FieldError[] {
  if (old) return [...(sameJson(e.series, old.series) ? [] : seriesErrors(e)), ...immutableErrors(e, old)]
  const errors = seriesErrors(e)
  if (!e.eventTime) errors.push(required('eventTime'))
  if (e.type !== 'Normal' && e.type !== 'Warning')
    errors.push(invalid('type', '', `has invalid value: ${e.type ?? ''}`))
  const { component, host } = e.source ?? {}
  const { firstTimestamp, lastTimestamp, count } = e
  for (const [key, value] of Object.entries({ firstTimestamp, lastTimestamp, count, source: component || host }))
    if (value) errors.push(invalid(key, '', 'needs to be unset'))
  return errors
}

function seriesErrors({ series }: Event): FieldError[] {
  if (!series) return []
  const errors: FieldError[] = []
  if ((series.count ?? 0) < 2) errors.push(invalid('series.count', '', 'should be at least 2'))
  if (!series.lastObservedTime) errors.push(required('series.lastObservedTime'))
  return errors
}

/** Only the series of an event grows. Objects are shown with Go's names. */
function immutableErrors(e: Event, old: Event): FieldError[] {
  const shown = (key: (typeof FIXED)[number]) =>
    key === 'involvedObject' || key === 'related'
      ? goForm(e[key], 'ObjectReference')
      : key === 'source'
        ? goForm(e[key], 'EventSource')
        : (e[key] ?? null)
  return FIXED.filter((key) => !sameJson(e[key], old[key])).map((key) =>
    invalid(key === 'reportingComponent' ? 'reportingController' : key, shown(key), 'field is immutable'),
  )
}

export function eventRow(e: Event, now: number): (string | number)[] {
  const object = e.involvedObject ?? {}
  const source = [
    e.source?.component || e.reportingComponent || '',
    e.source?.host || (e.source?.component ? '' : e.reportingInstance) || '',
  ]
  return [
    lastSeen(e, now),
    e.type ?? '',
    e.reason ?? '',
    object.name ? `${(object.kind ?? '').toLowerCase()}/${object.name}` : (object.kind ?? '').toLowerCase(),
    object.fieldPath ?? '',
    source.filter((text) => text !== '').join(', '),
    (e.message ?? '').trim(),
    firstSeen(e, now),
    e.series?.count ?? (e.count || 1),
    e.metadata.name ?? '',
  ]
}

function firstSeen(e: Event, now: number): string {
  return e.firstTimestamp ? since(e.firstTimestamp, now) : since(e.eventTime, now)
}

function lastSeen(e: Event, now: number): string {
  if (e.series) return since(e.series.lastObservedTime, now)
  return e.lastTimestamp && parseTime(e.lastTimestamp) !== undefined ? since(e.lastTimestamp, now) : firstSeen(e, now)
}
