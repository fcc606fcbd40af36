import fc from 'fast-check'
import jsonpatch from 'fast-json-patch'
import { describe, expect, it } from 'vitest'
import { definition } from '../schema.ts'
import { applyJsonPatch, JsonPatchError, type Operation } from './json-patch.ts'
import { goText, type Json, type JsonObject } from './json-value.ts'
import { applyMergePatch } from './merge-patch.ts'
import { applyStrategicMerge, StrategicMergeError } from './strategic-merge.ts'

const key = fc.constantFrom('a', 'b', 'c', 'x/y', 'm~n', '')
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Json>(null, true, 0, 1, 'text'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }) as fc.Arbitrary<Json>,
  ),
})).value
const object = fc.dictionary(key, json, { maxKeys: 4 }) as fc.Arbitrary<JsonObject>
const clone = <T>(value: T): T => JSON.parse(JSON.stringify(value))
const frozen = (value: Json): Json => {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen)
  return Object.freeze(value)
}

describe('JSON patch', () => {
  it('undoes and redoes what another implementation finds different', () => {
    fc.assert(
      fc.property(object, object, (from, to) => {
        const operations = jsonpatch.compare(clone(from) as object, clone(to) as object) as Operation[]
        expect(applyJsonPatch(frozen(clone(from)), operations)).toEqual(to)
      }),
    )
  })

  it('agrees with another implementation on what succeeds, and changes nothing in place', () => {
    const pointer = fc
      .array(fc.constantFrom('a', 'b', '0', '1', '-', 'x~1y'), { maxLength: 3 })
      .map((p) => p.map((s) => `/${s}`).join(''))
    const operation = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'test'),
      path: pointer,
      from: pointer,
      value: json,
    })
    fc.assert(
      fc.property(object, fc.array(operation, { maxLength: 3 }), (document, operations) => {
        let expected: Json
        try {
          expected = jsonpatch.applyPatch(clone(document), clone(operations) as never, true, true).newDocument as Json
        } catch {
          return
        }
        try {
          expect(applyJsonPatch(frozen(clone(document)), operations)).toEqual(expected)
        } catch (error) {
          // The other one lets paths pass that go through a string, or have `-` on the way.
          if (!(error instanceof JsonPatchError)) throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it('takes the liberties that Kubernetes takes', () => {
    expect(applyJsonPatch({ a: 1 }, [{ op: 'replace', path: '/b', value: 2 }])).toEqual({ a: 1, b: 2 })
    expect(applyJsonPatch({ a: {} }, [{ op: 'test', path: '/a/none', value: null }])).toEqual({ a: {} })
    expect(applyJsonPatch([1, 2], [{ op: 'remove', path: '/-1' }])).toEqual([1])
    expect(applyJsonPatch({ a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }])).toEqual({ a: [1], b: [1] })
    expect(() => applyJsonPatch({}, [{ op: 'remove', path: '/a' }])).toThrow(JsonPatchError)
    expect(() => applyJsonPatch({}, [{ op: 'test', path: '/a/b', value: null }])).toThrow(JsonPatchError)
  })
})

describe('merge patch', () => {
  it('follows RFC 7386', () => {
    expect(applyMergePatch({ a: 'b', c: { d: 'e', f: 'g' } }, { a: 'z', c: { f: null } })).toEqual({
      a: 'z',
      c: { d: 'e' },
    })
    expect(applyMergePatch({ a: [{ b: 1 }] }, { a: [1] })).toEqual({ a: [1] })
    expect(applyMergePatch({ e: null }, { a: 1 })).toEqual({ e: null, a: 1 })
    expect(applyMergePatch(['a'], { a: { b: null } })).toEqual({ a: {} })
  })

  it('is idempotent and changes nothing in place', () => {
    fc.assert(
      fc.property(json, object, (target, patch) => {
        const once = applyMergePatch(frozen(clone(target)), patch)
        expect(applyMergePatch(once, patch)).toEqual(once)
      }),
    )
  })
})

describe('strategic merge patch', () => {
  const pod = definition('io.k8s.api.core.v1.Pod')
  const merge = (original: JsonObject, patch: JsonObject) =>
    applyStrategicMerge(frozen(clone(original)) as JsonObject, patch, pod)
  const spec = (...containers: JsonObject[]) => ({ spec: { containers } })
  const names = (object: JsonObject) =>
    (((object.spec as JsonObject).containers as JsonObject[]) ?? []).map((c) => c.name)

  it('merges lists by their key, new elements first', () => {
    const merged = merge(spec({ name: 'a', image: '1' }, { name: 'b' }), spec({ name: 'c' }, { name: 'a', image: '2' }))
    expect(merged).toEqual(spec({ name: 'c' }, { name: 'a', image: '2' }, { name: 'b' }))
  })

  it('deletes, replaces and orders as directed', () => {
    const original = spec({ name: 'a' }, { name: 'b' }, { name: 'c' })
    expect(names(merge(original, spec({ name: 'b', $patch: 'delete' })))).toEqual(['a', 'c'])
    expect(names(merge(original, spec({ $patch: 'replace' }, { name: 'z' })))).toEqual(['z'])
    const order = { spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'b' }] } }
    expect(names(merge(original, order))).toEqual(['c', 'a', 'b'])
  })

  it('unites lists of scalars and deletes from them', () => {
    const original = { metadata: { finalizers: ['a', 'b'] } }
    expect(merge(original, { metadata: { finalizers: ['c', 'a'] } })).toEqual({
      metadata: { finalizers: ['c', 'a', 'b'] },
    })
    expect(merge(original, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({
      metadata: { finalizers: ['b'] },
    })
  })

  it('keeps only what $retainKeys names', () => {
    const original = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } }
    const patch = { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'configMap'], configMap: { name: 'x' } }] } }
    expect(merge(original, patch)).toEqual({ spec: { volumes: [{ name: 'v', configMap: { name: 'x' } }] } })
    expect(() => merge(original, { spec: { volumes: [{ name: 'v', $retainKeys: ['name'], secret: {} }] } })).toThrow(
      'invalid patch format of retainKeys',
    )
  })

  it('replaces whole what has no merge strategy, and drops nulls and directives of what is new', () => {
    expect(merge({ spec: { tolerations: [{ key: 'a' }] } }, { spec: { tolerations: [{ key: 'b' }] } })).toEqual({
      spec: { tolerations: [{ key: 'b' }] },
    })
    expect(
      merge(
        {},
        {
          spec: {
            containers: [
              { name: 'a', image: null },
              { $patch: 'delete', name: 'b' },
            ],
          },
        },
      ),
    ).toEqual(spec({ name: 'a' }))
    expect(merge({ spec: { nodeName: 'n' } }, { spec: { nodeName: null } })).toEqual({ spec: {} })
  })

  it('says what is wrong', () => {
    expect(() => merge(spec({ name: 'a' }), spec({ image: 'x' }))).toThrow(
      new StrategicMergeError(500, 'map: map[image:x] does not contain declared merge key: name'),
    )
    expect(goText({ b: [1, 'x'], a: { c: null } })).toBe('map[a:map[c:<nil>] b:[1 x]]')
  })

  it('is a merge patch where no lists are involved', () => {
    const map = fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(fc.constant(null), fc.constantFrom('x', 'y')))
    fc.assert(
      fc.property(map, map, (a, b) => {
        const labels = Object.fromEntries(Object.entries(a).filter(([, v]) => v !== null))
        const patch = { metadata: { labels: b } }
        expect(merge({ metadata: { labels } }, patch)).toEqual(applyMergePatch({ metadata: { labels } }, patch))
      }),
    )
  })
})
