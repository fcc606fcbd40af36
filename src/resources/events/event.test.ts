import { expect, it } from 'vitest'
import type { Event as CoreEvent } from '../../api/types/core-v1.gen.ts'
import type { Event } from '../../api/types/events-v1.gen.ts'
import { event } from '../core/event.ts'
import type { Context } from '../declaration.ts'
import { eventView } from './event.ts'

const text = (errors: readonly { field: string; message: string }[] = []) =>
  errors.map((e) => `${e.field}: ${e.message}`)
const metadata = { name: 'e', namespace: 'default' }
const context = {} as Context
const fine = {
  metadata,
  regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  type: 'Normal',
  reason: 'R',
  action: 'A',
  note: 'n',
  reportingController: 'c',
  reportingInstance: 'i',
} as unknown as Event
const view = (more: object, old?: Event) => text(eventView.strategy.validate?.({ ...fine, ...more }, old, context))

it('events.k8s.io: a new event says when, by whom and why, and nothing in the old style', () => {
  expect(view({})).toEqual([])
  expect(view({ reportingController: 'a b', action: undefined, note: 'x'.repeat(1025) })).toEqual([
    expect.stringMatching(/^reportingController: Invalid value: "a b": name part must consist of/),
    'action: Required value',
    'message: Invalid value: "": can have at most 1024 characters',
  ])
  expect(view({ deprecatedCount: 3, deprecatedSource: { host: 'h' }, series: { count: 1 } })).toEqual([
    'series.count: Invalid value: "": should be at least 2',
    'series.lastObservedTime: Required value',
    'count: Invalid value: "": needs to be unset',
    'source: Invalid value: "": needs to be unset',
  ])
})

it('events.k8s.io: only the series changes', () => {
  expect(view({ series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' } }, fine)).toEqual([])
  expect(view({ note: 'other', regarding: { kind: 'Pod', name: 'q', namespace: 'default' } }, fine)).toEqual([
    'involvedObject: Invalid value: {"Kind":"Pod","Namespace":"default","Name":"q","UID":"","APIVersion":"","ResourceVersion":"","FieldPath":""}: field is immutable',
    'message: Invalid value: "other": field is immutable',
  ])
})

it('core: an old event is in the namespace of what it is about; one of the new style need not be', () => {
  const core = (more: object) =>
    text(event.strategy.validate?.({ metadata, ...more } as unknown as CoreEvent, undefined, context))
  const involvedObject = { kind: 'Pod', namespace: 'other' }
  expect(core({ involvedObject })).toEqual([
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ])
  const { eventTime, reason, action } = fine
  const style = { eventTime, reason, action, reportingComponent: 'c', reportingInstance: 'i' }
  expect(core({ involvedObject, ...style })).toEqual([])
})
