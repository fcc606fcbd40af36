/** Event v1, the stored form. events.k8s.io/v1 is a view of it (events/event.ts). */
import { type FieldError, invalid, required } from '../../api/field-error.ts'
import { pathSegmentErrors } from '../../api/names.ts'
import { parseTime } from '../../api/time.ts'
import type { Event } from '../../api/types/core-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

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
  validate: (object) => eventNamespaceErrors(object),
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

export function eventNamespaceErrors(e: Event): FieldError[] {
  const about = e.involvedObject?.namespace ?? ''
  const own = e.metadata.namespace ?? ''
  // Events about objects without a namespace are kept in default.
  const fits = about === own || (about === '' && (own === 'default' || own === ''))
  return fits ? [] : [invalid('involvedObject.namespace', about, 'does not match event.namespace')]
}

/** What events.k8s.io demands of a new event besides. */
export function newEventErrors(e: Event): FieldError[] {
  const errors = eventNamespaceErrors(e)
  if (!e.eventTime) errors.push(required('eventTime'))
  if (e.type !== 'Normal' && e.type !== 'Warning')
    errors.push(invalid('type', '', `has invalid value: ${e.type ?? ''}`))
  if (errors.length > 0) return errors
  if (!e.reportingComponent) errors.push(required('reportingController'))
  if (!e.reportingInstance) errors.push(required('reportingInstance'))
  if (!e.action) errors.push(required('action'))
  if (!e.reason) errors.push(required('reason'))
  return errors
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
