import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KubernetesObject, ManagedFieldsEntry } from '../object.ts'
import { definition } from '../schema.ts'
import type { ApiError } from '../status.ts'
import { type ApplyRequest, applyObject } from './apply.ts'
import { compare } from './compare.ts'
import { canonical, difference, type FieldSet, intersection, paths, union, without } from './field-set.ts'
import { fieldSetOf } from './typed.ts'
import { updateManagedFields } from './update.ts'

const POD = 'io.k8s.api.core.v1.Pod'
const CONFIG_MAP = 'io.k8s.api.core.v1.ConfigMap'
const texts = (set: FieldSet | undefined) =>
  paths(set)
    .map((path) => path.join(' '))
    .sort()

/** A set out of the paths of its members. */
function setOf(members: readonly (readonly string[])[]): FieldSet | undefined {
  return members.reduce<FieldSet | undefined>(
    (all, path) =>
      union(
        all,
        path.reduceRight<FieldSet>((below, element) => ({ [element]: below }), {}),
      ),
    undefined,
  )
}
const members = fc.array(fc.array(fc.constantFrom('f:a', 'f:b', 'v:"c"'), { minLength: 1, maxLength: 3 }), {
  maxLength: 6,
})

describe('sets of fields', () => {
  it('are sets', () => {
    fc.assert(
      fc.property(members, members, (left, right) => {
        const [a, b] = [setOf(left), setOf(right)]
        const [l, r] = [new Set(left.map((p) => p.join(' '))), new Set(right.map((p) => p.join(' ')))]
        expect(texts(union(a, b))).toEqual([...new Set([...l, ...r])].sort())
        expect(texts(difference(a, b))).toEqual([...l].filter((p) => !r.has(p)).sort())
        expect(texts(intersection(a, b))).toEqual([...l].filter((p) => r.has(p)).sort())
        const below = (p: string) => [...r].some((q) => p === q || p.startsWith(`${q} `))
        expect(texts(without(a, b))).toEqual([...l].filter((p) => !below(p)).sort())
        expect(texts(a && canonical(a))).toEqual(texts(a))
      }),
    )
  })

  it('are written in order, and left alone when they are', () => {
    const set = { 'f:b': {}, 'f:a': { 'f:z': {}, '.': {} } }
    expect(JSON.stringify(canonical(set))).toBe('{"f:a":{".":{},"f:z":{}},"f:b":{}}')
    const ordered = canonical(set)
    expect(canonical(ordered)).toBe(ordered)
  })
})

const pod = (spec: object, metadata: object = {}): KubernetesObject =>
  ({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p', ...metadata }, spec }) as KubernetesObject

describe('comparing', () => {
  const changes = (a: object, b: object) => compare(pod(a), pod(b), definition(POD))

  it('sees elements of keyed lists, atomic lists as one, entries of maps', () => {
    const { taken, removed } = changes(
      {
        containers: [{ name: 'a', image: '1' }, { name: 'gone' }],
        tolerations: [{ key: 'x' }],
        nodeSelector: { a: 'b' },
      },
      {
        containers: [{ name: 'a', image: '2', args: ['x'] }, { name: 'new' }],
        tolerations: [{ key: 'y' }],
        nodeSelector: { a: 'c' },
      },
    )
    expect(texts(taken)).toEqual([
      'f:spec f:containers k:{"name":"a"} f:args',
      'f:spec f:containers k:{"name":"a"} f:image',
      'f:spec f:containers k:{"name":"new"}',
      'f:spec f:containers k:{"name":"new"} f:name',
      'f:spec f:nodeSelector',
      'f:spec f:tolerations',
    ])
    expect(texts(removed)).toEqual([
      'f:spec f:containers k:{"name":"gone"}',
      'f:spec f:containers k:{"name":"gone"} f:name',
    ])
  })

  it('sees nothing where only the order of elements differs', () => {
    const { taken, removed } = changes(
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ name: 'b' }, { name: 'a' }] },
    )
    expect([taken, removed]).toEqual([undefined, undefined])
  })

  it('takes elements that share a key as one thing', () => {
    const ports = [{ containerPort: 80, protocol: 'TCP' }, { containerPort: 80 }]
    const { taken } = changes({ containers: [{ name: 'a' }] }, { containers: [{ name: 'a', ports }] })
    expect(texts(taken)).toEqual([
      'f:spec f:containers k:{"name":"a"} f:ports',
      'f:spec f:containers k:{"name":"a"} f:ports k:{"containerPort":80,"protocol":"TCP"}',
    ])
  })
})

const configMap = (data: Record<string, string>, managedFields?: readonly ManagedFieldsEntry[]): KubernetesObject =>
  ({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'm', uid: 'u', ...(managedFields ? { managedFields } : {}) },
    data,
  }) as KubernetesObject

const time = '2026-01-02T03:04:05Z'
const holders = (entries: readonly ManagedFieldsEntry[] | undefined) =>
  Object.fromEntries((entries ?? []).map((e) => [`${e.manager} ${e.operation}`, texts(e.fieldsV1 as FieldSet)]))

describe('updates', () => {
  const update = (old: KubernetesObject | undefined, now: KubernetesObject, manager: string) =>
    updateManagedFields({ old, new: now, manager, subresource: '', time, definition: CONFIG_MAP, apiVersion: 'v1' })

  it('give a field to whoever changed it last', () => {
    const first = update(undefined, configMap({ a: '1', b: '1' }), 'one')
    const old = configMap({ a: '1', b: '1' }, first)
    expect(holders(update(old, configMap({ a: '2', b: '1' }), 'two'))).toEqual({
      'one Update': ['f:data', 'f:data f:b'],
      'two Update': ['f:data f:a'],
    })
    expect(update(old, configMap({ a: '1', b: '1' }), 'two')).toEqual(first)
  })

  it('start anew when the list is emptied, and do not track what is untracked', () => {
    const old = configMap({ a: '1' }, update(undefined, configMap({ a: '1' }), 'one'))
    const cleared = configMap({ a: '1' }, [])
    expect(update(old, cleared, 'one')).toBe(undefined)
    expect(update(configMap({ a: '1' }), configMap({ a: '2' }), 'one')).toBe(undefined)
  })

  it('fold the oldest of too many managers into one', () => {
    let object = configMap({ n: '0' }, update(undefined, configMap({ n: '0' }), 'm0'))
    for (let i = 1; i < 15; i++) {
      const data = { ...(object as unknown as { data: Record<string, string> }).data, [`k${i}`]: 'x' }
      object = configMap(data, update(object, configMap(data), `m${i}`))
      expect(object.metadata.managedFields?.length).toBe(Math.min(i + 1, 10))
    }
    const entries = object.metadata.managedFields ?? []
    expect(entries.some((entry) => entry.manager === 'ancient-changes')).toBe(true)
  })
})

describe('apply', () => {
  const apply = (live: KubernetesObject | undefined, data: Record<string, string>, more: Partial<ApplyRequest> = {}) =>
    applyObject({
      live,
      config: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'm' }, data },
      manager: 'one',
      force: false,
      subresource: '',
      time,
      definition: CONFIG_MAP,
      apiVersion: 'v1',
      ...more,
    }) as unknown as KubernetesObject & { data?: Record<string, string> | null }

  it('takes out what the manager no longer says, but not what others hold', () => {
    const first = apply(undefined, { a: '1', b: '1' })
    const second = apply(first, { b: '1', c: '1' }, { manager: 'two' })
    const third = apply(second, {})
    expect(third.data).toEqual({ b: '1', c: '1' })
    expect(holders(third.metadata.managedFields)).toEqual({
      'one Apply': ['f:data'],
      'two Apply': ['f:data f:b', 'f:data f:c'],
    })
  })

  it('refuses to change what others hold, unless forced', () => {
    const first = apply(undefined, { a: '1', b: '1' })
    const attempt = () => apply(first, { a: '2', b: '2' }, { manager: 'two' })
    expect(attempt).toThrow('Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b')
    try {
      attempt()
    } catch (error) {
      expect((error as ApiError).status.details?.causes).toEqual([
        { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
        { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.b' },
      ])
    }
    expect(holders(apply(first, { a: '2' }, { manager: 'two', force: true }).metadata.managedFields)).toEqual({
      'one Apply': ['f:data f:b'],
      'two Apply': ['f:data f:a'],
    })
  })

  it('lets kubectl change what it applied on the client before, and keeps its annotation in step', () => {
    const key = 'kubectl.kubernetes.io/last-applied-configuration'
    const applied = JSON.stringify({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'm' },
      data: { a: '1', b: '1' },
    })
    const first = apply(undefined, { a: '1', b: '2' }, { manager: 'other' })
    const live = { ...first, metadata: { ...first.metadata, annotations: { [key]: applied } } }
    expect(() => apply(live, { a: '3' }, { manager: 'two' })).toThrow('conflict with "other": .data.a')
    expect(() => apply(live, { a: '3', b: '3' }, { manager: 'kubectl' })).toThrow(
      '1 conflict: conflict with "other": .data.b',
    )
    const taken = apply(live, { a: '3' }, { manager: 'kubectl' })
    expect(taken.data).toEqual({ a: '3', b: '2' })
    expect(JSON.parse(taken.metadata.annotations?.[key] ?? '')).toMatchObject({ data: { a: '3' } })
  })

  it('is idempotent, and gives just what was applied where nobody else is', () => {
    const data = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'))
    fc.assert(
      fc.property(data, data, (before, after) => {
        const live = apply(undefined, before)
        const once = apply(live, after)
        expect(once.data ?? {}).toEqual(after)
        expect(apply(once, after)).toEqual(Object.keys(after).length ? once : { ...once, data: {} })
        expect(texts(fieldSetOf(once, definition(CONFIG_MAP))).filter((p) => p.startsWith('f:data f:'))).toEqual(
          Object.keys(after)
            .map((key) => `f:data f:${key}`)
            .sort(),
        )
      }),
    )
  })
})
