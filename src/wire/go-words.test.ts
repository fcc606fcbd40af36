import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { definition } from '../api/schema.ts'
import { conform } from './conform.ts'
import { duplicateFields, jsonSyntaxError, shapeOf, strictErrors } from './go-json.ts'
import { canonicalMicroTime, canonicalTime } from './go-time.ts'
import { readPatch } from './patch.ts'
import { writeYaml } from './yaml/write.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const pod = definition('io.k8s.api.core.v1.Pod')

describe("Go's words about JSON", () => {
  it.each([
    ['', 'unexpected end of JSON input'],
    ['{"a":1', 'unexpected end of JSON input'],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":1}x', "invalid character 'x' after top-level value"],
    ['nul', 'unexpected end of JSON input'],
    ['nope', "invalid character 'o' in literal null (expecting 'u')"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['"\\u12x4"', "invalid character 'x' in \\u hexadecimal character escape"],
    ['"\n"', "invalid character '\\n' in string literal"],
  ])('%j: %s', (text, sentence) => {
    expect(jsonSyntaxError(text)).toBe(sentence)
  })

  it('finds fault with just what JSON.parse refuses', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"a"',
      ':',
      ',',
      '1',
      '-',
      '.5',
      'e3',
      'true',
      'null',
      ' ',
      '"\\n"',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('')
        let fine = true
        try {
          JSON.parse(text)
        } catch {
          fine = false
        }
        expect(jsonSyntaxError(text) === undefined).toBe(fine)
      }),
      { numRuns: 2000 },
    )
  })

  it('counts the keys of a text as the walk counts those of its value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const wrapped = `{"metadata":{"annotations":{"a:b\\"":"x:y"}},"unknown":${text}}`
        const { keys } = conform(JSON.parse(wrapped), pod)
        // `__proto__` and repeated keys are one key less in the value.
        if (!/__proto__/.test(text)) expect(shapeOf(bytes(JSON.stringify(JSON.parse(wrapped)))).keys).toBe(keys)
      }),
    )
  })

  it('reports unknown and duplicate fields in the order of the text', () => {
    const text =
      '{"spec":{"nope":1,"containers":[{"name":"a","name":"b","x":{"y":1,"y":2}}]},"metadata":{"labels":{"l":"1","l":"2"}}}'
    expect(strictErrors(text, pod)).toEqual([
      'unknown field "spec.nope"',
      'duplicate field "spec.containers[0].name"',
      'unknown field "spec.containers[0].x"',
      'duplicate field "metadata.labels.l"',
    ])
    expect(duplicateFields('{"a":[{"b":1,"b":2}],"a":1}')).toEqual(['duplicate field "a[0].b"', 'duplicate field "a"'])
  })
})

describe("Go's words about times", () => {
  it.each([
    ['2020-01-01T01:02:03Z', '2020-01-01T01:02:03Z'],
    ['2020-01-01T01:02:03.999+01:00', '2020-01-01T00:02:03Z'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalTime(text)).toBe(canonical)
  })

  it.each([
    ['', 'cannot parse "" as "2006"'],
    ['2020-13-01T00:00:00Z', 'parsing time "2020-13-01T00:00:00Z": month out of range'],
    ['2020-02-30T00:00:00Z', 'parsing time "2020-02-30T00:00:00Z": day out of range'],
    ['2020-01-01', 'cannot parse "" as "T"'],
    ['2020-01-01T00:00:00', 'cannot parse "" as "Z07:00"'],
    ['2020-01-01T00:00:00Zx', 'extra text: "x"'],
  ])('refuses %s: %s', (text, sentence) => {
    expect(() => canonicalTime(text)).toThrow(sentence)
  })

  it('keeps microseconds, and wants all six digits of them', () => {
    expect(canonicalMicroTime('2020-01-01T01:02:03.123456+01:00')).toBe('2020-01-01T00:02:03.123456Z')
    expect(() => canonicalMicroTime('2020-01-01T01:02:03Z')).toThrow('cannot parse "Z" as ".000000"')
  })
})

describe('the shape Kubernetes gives an object', () => {
  const shaped = (value: object) => conform(value, pod).object

  it('drops nulls and empty optional values, keeps pointers, and writes what is always written', () => {
    const spec = {
      nodeName: '',
      hostNetwork: false,
      enableServiceLinks: false,
      volumes: [],
      nodeSelector: null,
      containers: [{ name: 'c', args: [], image: '', securityContext: {} }],
    }
    expect(shaped({ metadata: { labels: {} }, spec })).toEqual({
      metadata: {},
      spec: { containers: [{ name: 'c', resources: {}, securityContext: {} }], enableServiceLinks: false },
      status: {},
    })
  })

  it('makes quantities and times canonical and fills in for nulls in lists and maps', () => {
    const container = { name: 'c', resources: { limits: { cpu: 0.5, memory: '1024Ki' } }, args: [null] }
    expect(shaped({ metadata: { labels: { a: null } }, spec: { containers: [container, null] } })).toMatchObject({
      metadata: { labels: { a: '' } },
      spec: {
        containers: [
          { args: [''], resources: { limits: { cpu: '500m', memory: '1Mi' } } },
          { name: '', resources: {} },
        ],
      },
    })
  })

  it('does not touch what it is given, and survives keys that are special in JavaScript', () => {
    const value = JSON.parse('{"metadata":{"labels":{"__proto__":"a","constructor":"b"}},"__proto__":{"x":1}}')
    const frozen = Object.freeze(value)
    const { object, unknown } = conform(frozen, pod)
    expect(JSON.stringify(object)).toContain('{"__proto__":"a","constructor":"b"}')
    expect(unknown).toEqual(['__proto__'])
  })

  it('refuses what is nested without end', () => {
    const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)
    expect(() => shaped({ nope: deep })).toThrow('exceeded max depth')
    expect(jsonSyntaxError('['.repeat(200_000))).toBe('exceeded max depth')
    const patch = { bytes: bytes(`{"nope":${'['.repeat(200_000)}${']'.repeat(200_000)}}`) }
    const contentType = 'application/merge-patch+json'
    const input = { body: patch, contentType, definition: pod.name, fieldValidation: 'Warn' as const }
    expect(() => readPatch(input).apply({ kind: 'Pod', apiVersion: 'v1' })).toThrow('exceeded max depth')
  })

  it.each([
    [
      { spec: { hostNetwork: 'yes' } },
      'json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool',
    ],
    [
      { spec: { restartPolicy: 1 } },
      'json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy',
    ],
    [
      { spec: { containers: { a: 1 } } },
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      { spec: { containers: ['a'] } },
      'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container',
    ],
    [
      { spec: { priority: 3e9 } },
      'json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }] } },
      'quantities must match the regular expression',
    ],
    [
      { spec: { containers: [{ livenessProbe: { httpGet: { port: 1.5 } } }] } },
      'json: cannot unmarshal number 1.5 into Go value of type int32',
    ],
  ])('refuses %j', (value, sentence) => {
    expect(() => conform(value, pod)).toThrow(sentence)
  })
})

describe('YAML as Kubernetes writes it', () => {
  it('has texts in quotes where they could be something else', () => {
    const value = { b: ['x', { '.': {} }], a: 'yes', n: '1', t: '2020-01-01T00:00:00Z', empty: {}, nothing: null }
    const text = writeYaml(value)
    expect(text).toContain('a: "yes"')
    expect(text).toContain('- .: {}')
  })
})
