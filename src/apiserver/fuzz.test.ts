/**
 * Whatever is sent, shaped by the schema or by nothing, the answer is the sender's to understand: no body makes a fault of ours. (500 is
 * Kubernetes' own answer to some patches; those are ApiErrors and no faults.)
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Definition, definition, type Type } from '../api/schema.ts'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { RESOURCES } from '../resources/index.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import { VIRTUAL_RESOURCES } from './virtual/index.ts'

let api: TestApi
const faults: unknown[] = []
const encoder = new TextEncoder()

beforeAll(async () => {
  const server = { fault: (error: unknown) => faults.push(error) }
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(5), server })
})
afterAll(() => api.close())

interface Target {
  readonly method: string
  readonly path: string
  readonly type: string
}

async function send({ method, path, type }: Target, body: string | Uint8Array): Promise<number> {
  const bytes = typeof body === 'string' ? encoder.encode(body) : body
  const { status, body: answer } = await api.server.handle({
    method,
    path,
    query: new URLSearchParams('fieldManager=m&force=true'.slice(0, type.includes('apply') ? undefined : 14)),
    headers: { 'content-type': type, 'user-agent': 'test/1' },
    user: { name: 'admin', groups: ['system:masters'] },
    body: async () => ({ bytes }),
    signal: new AbortController().signal,
  })
  if (answer.type === 'object') answer.bytes()
  return status
}

async function expectNoFault(target: Target, body: string | Uint8Array): Promise<void> {
  faults.length = 0
  await send(target, body)
  expect(faults).toEqual([])
}

const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'a-1',
    'Always',
    '10',
    '100m',
    '25%',
    'TCP',
    '/',
    '..',
    '\0',
    '필드',
    '*',
    'x.y/z',
    '1.2.3.4',
    '\ud800',
    'constructor',
    '__proto__',
    'toString',
  ),
  fc.string({ maxLength: 8 }),
)
const number = fc.oneof(fc.constantFrom(0, 1, -1, 80, 2 ** 31, 2 ** 53, 1e300, 0.5), fc.integer())
const anything = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.constant([null]),
  fc.json({ maxDepth: 2 }).map((t) => JSON.parse(t) as unknown),
)

/** Mostly what the schema wants, at times anything at all. */
function mostly(type: Type, depth: number): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 9, arbitrary: rightValue(type, depth) }, { weight: 1, arbitrary: anything })
}

function rightValue(type: Type, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'string':
      return text
    case 'boolean':
      return fc.boolean()
    case 'int32':
    case 'int64':
    case 'double':
      return number
    case 'quantity':
      return fc.constantFrom('1', '100m', '1Gi', '-1', '1e9', '0', '1e99999', 'x')
    case 'time':
    case 'microTime':
      return fc.constantFrom('2020-01-01T00:00:00Z', '2020-01-01T00:00:00.000000Z', '2020-13-01T00:00:00Z', 'x')
    case 'byte':
      return fc.constantFrom('', 'QQ==', '!')
    case 'intOrString':
      return fc.constantFrom(80, 'http', '25%', -1, '')
    case 'array':
      return depth <= 0 ? fc.constant([]) : fc.array(mostly(type.of, depth - 1), { maxLength: 3 })
    case 'map':
      return depth <= 0 ? fc.constant({}) : fc.dictionary(text, mostly(type.of, depth - 1), { maxKeys: 3 })
    case 'ref':
      return depth <= 0 ? fc.constant({}) : structOf(type.definition, depth)
    default:
      return anything
  }
}

/** Some of the fields; each level is made only when it is drawn. */
function structOf({ fields }: Definition, depth: number): fc.Arbitrary<unknown> {
  const all = [...fields.values()].filter((field) => field.name !== 'status' || depth < 6)
  return fc
    .subarray(all, { maxLength: Math.min(6, all.length) })
    .chain((some) => fc.record(Object.fromEntries(some.map((field) => [field.name, mostly(field.type, depth - 1)]))))
}

const pathOf = (r: { group: string; version: string; namespaced: boolean; plural: string }) =>
  `/${r.group ? `apis/${r.group}` : 'api'}/${r.version}${r.namespaced ? '/namespaces/default' : ''}/${r.plural}`

const PATCHES = ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'].map(
  (type) => `application/${type}`,
)
const runs = { numRuns: 60 }
const all = [...RESOURCES, ...VIRTUAL_RESOURCES].map((r) => [r.kind, r] as const)

describe.each(all)('%s', (kind, resource) => {
  const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version
  const path = pathOf(resource)
  const object = structOf(definition(resource.definition), 8).map((made) => ({
    ...(made as object),
    kind,
    apiVersion,
    metadata: { annotations: {}, ...((made as { metadata?: object }).metadata ?? {}), name: 'fuzzed' },
  }))

  it('is created, changed and patched without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(object, object, fc.constantFrom(...PATCHES), async (first, second, type) => {
        await expectNoFault({ method: 'POST', path, type: 'application/json' }, JSON.stringify(first))
        await expectNoFault({ method: 'PUT', path: `${path}/fuzzed`, type: 'application/json' }, JSON.stringify(second))
        await expectNoFault({ method: 'PATCH', path: `${path}/fuzzed`, type }, JSON.stringify(second))
        await expectNoFault({ method: 'PATCH', path: `${path}/fuzzed/status`, type }, JSON.stringify(first))
      }),
      runs,
    )
    await send({ method: 'DELETE', path: `${path}/fuzzed`, type: 'application/json' }, '{"gracePeriodSeconds":0}')
  })
})

describe('bodies of no shape', () => {
  const maps = '/api/v1/namespaces/default/configmaps'
  const pods = '/api/v1/namespaces/default/pods'
  const targets: readonly Target[] = [
    ...['json', 'yaml', 'vnd.kubernetes.protobuf'].map((type) => ({
      method: 'POST',
      path: maps,
      type: `application/${type}`,
    })),
    ...[...PATCHES, 'application/json-patch+json'].map((type) => ({ method: 'PATCH', path: `${maps}/base`, type })),
    { method: 'PUT', path: `${maps}/base`, type: 'application/json' },
    { method: 'PATCH', path: `${pods}/base/ephemeralcontainers`, type: 'application/strategic-merge-patch+json' },
    { method: 'POST', path: `${pods}/base/eviction`, type: 'application/json' },
    { method: 'POST', path: `${pods}/base/binding`, type: 'application/json' },
    { method: 'POST', path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', type: 'application/json' },
    { method: 'POST', path: '/api/v1/namespaces/default/serviceaccounts/default/token', type: 'application/json' },
    { method: 'DELETE', path: `${maps}/none`, type: 'application/json' },
    { method: 'DELETE', path: '/api/v1/namespaces/default/secrets', type: 'application/json' },
  ]

  beforeAll(async () => {
    await send(
      { method: 'POST', path: maps, type: 'application/json' },
      '{"metadata":{"name":"base"},"data":{"a":"b"}}',
    )
    const pod = '{"metadata":{"name":"base"},"spec":{"containers":[{"name":"a","image":"a"}]}}'
    await send({ method: 'POST', path: pods, type: 'application/json' }, pod)
  })

  const shapes = fc.oneof(
    fc.json(),
    fc.string(),
    anything.map((value) => JSON.stringify(value)),
    fc
      .array(
        fc.constantFrom(
          'a',
          ': ',
          '- ',
          '\n',
          '\n  ',
          '[',
          ']',
          '{',
          '}',
          ',',
          '"',
          '&x ',
          '*x',
          '!!int ',
          '<<: ',
          '|',
          '1',
          '%',
          '\t',
          '~',
        ),
      )
      .map((parts) => parts.join('')),
    fc.uint8Array({ maxLength: 60 }),
    fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.from([0x6b, 0x38, 0x73, 0, ...rest])),
  )

  it.each(targets.map((target) => [`${target.method} ${target.path} ${target.type}`, target] as const))(
    '%s',
    async (_, target) => {
      await fc.assert(
        fc.asyncProperty(shapes, (body) => expectNoFault(target, body)),
        { numRuns: 300 },
      )
    },
  )

  const operation = fc.record(
    {
      op: fc.oneof(fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'), anything),
      path: fc.oneof(
        fc.constantFrom(
          '',
          '/',
          '/data',
          '/data/a',
          '/data/-',
          '/metadata/labels/x',
          '/metadata/finalizers/0',
          '/__proto__',
          '/constructor/prototype',
        ),
        anything,
      ),
      from: fc.oneof(fc.constantFrom('', '/data', '/metadata'), anything),
      value: anything,
    },
    { requiredKeys: [] },
  )

  it('JSON patches of all sorts', async () => {
    const target = { method: 'PATCH', path: `${maps}/base`, type: 'application/json-patch+json' }
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(operation, anything), { maxLength: 6 }), (operations) =>
        expectNoFault(target, JSON.stringify(operations)),
      ),
      { numRuns: 600 },
    )
  })

  it.each([
    ['null among operations', 422, '[null]'],
    ['a number among operations', 400, '[1]'],
    ['an op that is no text', 400, '[{"op":1}]'],
    ['an unknown op', 422, '[{"op":"frobnicate","path":"/data"}]'],
    ['no list', 400, '{}'],
    ['nothing', 400, ''],
  ])('a JSON patch with %s: %d', async (_, status, body) => {
    expect(await send({ method: 'PATCH', path: `${maps}/base`, type: 'application/json-patch+json' }, body)).toBe(
      status,
    )
  })

  it.each([
    ['a merge of a number', 'a: {<<: 1}'],
    ['an unknown alias', 'a: *x'],
    ['an alias of itself', 'a: &a [*a]'],
    ['a list as a key', '? [a]\n: b'],
    ['a thousand levels', `a: ${'['.repeat(100_000)}`],
  ])('YAML with %s is refused', async (_, body) => {
    expect(await send({ method: 'POST', path: maps, type: 'application/yaml' }, body)).toBe(400)
  })

  it.each(['managedFields', 'x'])('%s nested without end', async (name) => {
    for (const depth of [999, 5000, 20_000]) {
      const deep = `${'{"f:a":'.repeat(depth)}{}${'}'.repeat(depth)}`
      const entry = `{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":${deep}}`
      const body =
        name === 'x'
          ? `{"metadata":{"name":"deep"},"x":${deep}}`
          : `{"metadata":{"name":"deep","managedFields":[${entry}]}}`
      for (const type of ['json', 'yaml'])
        await expectNoFault({ method: 'POST', path: maps, type: `application/${type}` }, body)
      for (const type of PATCHES) await expectNoFault({ method: 'PATCH', path: `${maps}/base`, type }, body)
    }
  })
})
