/** Event events.k8s.io/v1: the same objects as core/v1's, under other names. */
import type { KubernetesObject } from '../../api/object.ts'
import type { Event as CoreEvent } from '../../api/types/core-v1.gen.ts'
import type { Event } from '../../api/types/events-v1.gen.ts'
import { COLUMNS } from '../columns.gen.ts'
import { eventErrors, eventFields, eventRow, strictEventErrors } from '../core/event.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'

/** Members that have another name in the stored form. */
const RENAMED: readonly (readonly [view: string, stored: string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
]
const SAME = ['reason', 'type', 'eventTime', 'series', 'action', 'related', 'reportingInstance']

type Members = Record<string, unknown>

/** The stored form; members that core/v1 always writes are there, empty. */
function toCoreEvent(view: Event): CoreEvent {
  const from = view as unknown as Members
  const to: Members = {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: view.metadata,
    involvedObject: {},
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  }
  for (const key of SAME) if (from[key] !== undefined) to[key] = from[key]
  for (const [viewed, stored] of RENAMED) if (from[viewed] !== undefined) to[stored] = from[viewed]
  return to as unknown as CoreEvent
}

/** The view; members that this version leaves out when empty are absent. */
function fromCoreEvent(stored: CoreEvent): Event {
  const from = stored as unknown as Members
  const to: Members = {
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    metadata: stored.metadata,
    eventTime: null,
    deprecatedSource: {},
    deprecatedFirstTimestamp: null,
    deprecatedLastTimestamp: null,
  }
  for (const key of SAME) if (from[key] !== undefined && (from[key] !== '' || key === 'eventTime')) to[key] = from[key]
  for (const [viewed, name] of RENAMED) if (from[name] !== undefined && from[name] !== '') to[viewed] = from[name]
  return to as unknown as Event
}

export const eventView: ResourceDeclaration<Event> = declare<Event>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  definition: 'io.k8s.api.events.v1.Event',
  createOnUpdate: true,
  columns: COLUMNS['events.k8s.io/v1/events'] ?? [],
  validate(object, old) {
    const stored = toCoreEvent(object)
    return [...eventErrors(stored), ...strictEventErrors(stored, old && toCoreEvent(old))]
  },
  fields: eventFields(toCoreEvent),
  row: (object, now) => eventRow(toCoreEvent(object), now),
  storage: {
    key: 'events',
    errorGroup: '',
    toStored: (object) => toCoreEvent(object) as unknown as KubernetesObject,
    fromStored: (object) => fromCoreEvent(object as CoreEvent),
  },
})
