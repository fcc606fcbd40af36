/**
 * What a request costs grows with its length, and with nothing else: a corpus of bodies that a pod's own token may send, each at a size
 * and at four times that. Add a row for a shape that is not here yet; lists and maps of the schema come by themselves.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Definition, definition, type Type } from '../api/schema.ts'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { RESOURCES } from '../resources/index.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'

interface Sent {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET'
  readonly path: string
  readonly type?: string
  readonly query?: string
}

type Row = readonly [what: string, sent: Sent, body: (n: number) => string | Uint8Array]

/** Processor time of four times the body, over that of the body: 4 is linear, 16 quadratic. */
const GROWTH_MAX = 9
/** Below this many ms nothing can be told from the noise; a quadratic of these sizes costs more. */
const NOISE_MS = 40
const [ATTEMPTS, N] = [6, 2000]
const KINDS = /^(ConfigMap|Pod|Service|EndpointSlice|Node|NetworkPolicy|Role)$/

const encoder = new TextEncoder()
let api: TestApi

async function cost({ method, path, type = 'application/json', query = '' }: Sent, body: string | Uint8Array) {
  const bytes = typeof body === 'string' ? encoder.encode(body) : body
  const before = process.cpuUsage()
  const { status } = await api.server.handle({
    method,
    path,
    query: new URLSearchParams(query),
    headers: { 'content-type': type, 'user-agent': 'test/1' },
    user: { name: 'admin', groups: ['system:masters'] },
    body: async () => ({ bytes }),
    signal: new AbortController().signal,
  })
  const { user, system } = process.cpuUsage(before)
  return { ms: (user + system) / 1000, status }
}

/** The better the measure the more often it is taken: the least of several is what the work itself costs. */
async function statusOfLinear(sent: Sent, body: (n: number) => string | Uint8Array, n = N): Promise<number> {
  const [small, large] = [body(n), body(4 * n)]
  let least = await cost(sent, small)
  let most = await cost(sent, large)
  const grown = () => most.ms > NOISE_MS && most.ms > GROWTH_MAX * least.ms
  for (let i = 0; i < ATTEMPTS && grown(); i++) {
    const again = [await cost(sent, small), await cost(sent, large)] as const
    if (again[0].ms < least.ms) least = again[0]
    if (again[1].ms < most.ms) most = again[1]
  }
  const told = `${n}: ${least.ms} ms, ${4 * n}: ${most.ms} ms`
  expect(grown() ? `${sent.method} ${sent.path} ${told}` : 'linear').toBe('linear')
  return most.status
}

async function expectLinear(...of: Parameters<typeof statusOfLinear>): Promise<void> {
  await statusOfLinear(...of)
}

const PODS = '/api/v1/namespaces/default/pods'
const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'a' }] } }
const many = <T>(n: number, of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i))
const text = (n: number, of: (i: number) => string) => many(n, of).join('')
const json = JSON.stringify

beforeAll(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(3) })
  const env = many(N, (i) => ({ name: `E${i}`, value: 'v' }))
  const spec = { containers: [{ name: 'a', image: 'a', env }] }
  const data = Object.fromEntries(many(N, (i) => [`k${i}`, 'v']))
  for (const [path, body] of [
    [PODS, { metadata: { name: 'base' }, spec }],
    [MAPS, { metadata: { name: 'base' }, data }],
    [DEPLOYMENTS, { metadata: { name: 'base' }, spec: { selector: { matchLabels: { a: 'b' } }, template } }],
  ] as const)
    await api.client.call('POST', path, body)
})
afterAll(() => api.close())

const DRY = 'dryRun=All&fieldManager=m'
const STRICT = `${DRY}&fieldValidation=Strict`
const jsonPatch = (name: string): Sent => ({
  method: 'PATCH',
  path: `${MAPS}/${name}`,
  type: 'application/json-patch+json',
  query: DRY,
})
const patch = (type: string, path: string): Sent => ({ method: 'PATCH', path, type: `application/${type}`, query: DRY })
const strategic = (path: string) => patch('strategic-merge-patch+json', path)
const apply = (path: string) => ({ ...patch('apply-patch+yaml', path), query: `${DRY}&force=true` })
const create = (path: string, query = DRY): Sent => ({ method: 'POST', path, query })
const yaml = (path: string): Sent => ({ method: 'POST', path, type: 'application/yaml', query: DRY })
const yamlApply = apply(`${MAPS}/base`)
const HEAD = 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: base}\n'

const jsonPatches: readonly Row[] = [
  ['add', jsonPatch('base'), (n) => json(many(n, (i) => ({ op: 'add', path: `/data/x${i}`, value: 'v' })))],
  ['replace one', jsonPatch('base'), (n) => json(many(n, () => ({ op: 'replace', path: '/data/k1', value: 'w' })))],
  ['test', jsonPatch('base'), (n) => json(many(n, () => ({ op: 'test', path: '/data/k1', value: 'v' })))],
  ['copy', jsonPatch('base'), (n) => json(many(n, (i) => ({ op: 'copy', from: '/data/k1', path: `/data/x${i}` })))],
  [
    'move',
    jsonPatch('base'),
    (n) => json(many(n, (i) => ({ op: 'move', from: `/data/${i ? `x${i - 1}` : 'k1'}`, path: `/data/x${i}` }))),
  ],
  [
    'unknown members',
    jsonPatch('base'),
    (n) => json(many(n, (i) => ({ op: 'test', path: '/kind', value: 'ConfigMap', [`x${i}`]: 1 }))),
  ],
  [
    'into a list',
    jsonPatch('base'),
    (n) =>
      json([
        { op: 'add', path: '/metadata/finalizers', value: [] },
        ...many(n, () => ({ op: 'add', path: '/metadata/finalizers/0', value: 'x.y/z' })),
      ]),
  ],
]

/** Twice as long with every operation, if nothing stops it. */
const doubling = (n: number) => json(many(n, (i) => ({ op: 'copy', from: '/data', path: `/data/x${i}` })))

const otherPatches: readonly Row[] = [
  [
    'merge',
    patch('merge-patch+json', `${MAPS}/base`),
    (n) => json({ data: Object.fromEntries(many(n, (i) => [`x${i}`, 'v'])) }),
  ],
  [
    'strategic: elements',
    strategic(`${PODS}/base`),
    (n) => json({ spec: { containers: [{ name: 'a', env: many(n, (i) => ({ name: `X${i}` })) }] } }),
  ],
  [
    'strategic: an element again and again',
    strategic(`${PODS}/base`),
    (n) => json({ spec: { containers: many(n, () => ({ name: 'a', tty: true })) } }),
  ],
  [
    'strategic: deletions',
    strategic(`${PODS}/base`),
    (n) => json({ spec: { containers: [{ name: 'a', env: many(n, (i) => ({ name: `E${i}`, $patch: 'delete' })) }] } }),
  ],
  [
    'strategic: order',
    strategic(`${PODS}/base`),
    (n) => json({ spec: { '$setElementOrder/containers': many(n, (i) => ({ name: `c${i}` })), containers: [] } }),
  ],
  [
    'strategic: primitive lists',
    strategic(`${MAPS}/base`),
    (n) =>
      json({
        metadata: {
          finalizers: many(n, (i) => `x.y/z${i}`),
          '$deleteFromPrimitiveList/finalizers': many(n, (i) => `x.y/w${i}`),
        },
      }),
  ],
  [
    'apply',
    apply(`${MAPS}/base`),
    (n) => json({ kind: 'ConfigMap', apiVersion: 'v1', data: Object.fromEntries(many(n, (i) => [`x${i}`, 'v'])) }),
  ],
  [
    'apply: conflicts',
    { ...apply(`${MAPS}/base`), query: DRY },
    (n) => json({ kind: 'ConfigMap', apiVersion: 'v1', data: Object.fromEntries(many(n, (i) => [`k${i}`, 'w'])) }),
  ],
  [
    'apply: unknown fields',
    apply(`${MAPS}/base`),
    (n) => json({ kind: 'ConfigMap', apiVersion: 'v1', ...Object.fromEntries(many(n, (i) => [`x${i}`, 1])) }),
  ],
]

const names = (n: number) => Object.fromEntries(many(n, (i) => [`x${i}`, 1]))
const managed = (n: number, operation: string) =>
  json({
    metadata: {
      name: 'm',
      managedFields: many(n, (i) => ({
        manager: `m${i}`,
        operation,
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { [`f:x${i}`]: {} } },
      })),
    },
    data: Object.fromEntries(many(n, (i) => [`x${i}`, 'v'])),
  })

const creates: readonly Row[] = [
  ['unknown fields, warned of', create(MAPS), (n) => json({ metadata: { name: 'a' }, ...names(n) })],
  ['unknown fields, refused', create(MAPS, STRICT), (n) => json({ metadata: { name: 'a' }, ...names(n) })],
  [
    'unknown fields of a review',
    create(REVIEWS),
    (n) => json({ spec: { resourceAttributes: { verb: 'get' }, ...names(n) } }),
  ],
  [
    'duplicate keys',
    create(MAPS, STRICT),
    (n) => `{"metadata":{"name":"a"},"data":{${text(n, (i) => `"k${i % 9}":"",`)}"z":""}}`,
  ],
  ['one key', create(MAPS, STRICT), (n) => `{"metadata":{"name":"a"},"data":{${text(n, () => '"k":"",')}"z":""}}`],
  ['nesting', create(MAPS), (n) => `{"metadata":{"name":"a"},"x":${'['.repeat(n)}${']'.repeat(n)}}`],
  ['nesting without end', create(MAPS), (n) => '{"a":'.repeat(n)],
  ['managedFields of updates', create(MAPS), (n) => managed(n / 4, 'Update')],
  ['managedFields of applies', create(MAPS), (n) => managed(n / 4, 'Apply')],
  ['a long name', create(MAPS), (n) => json({ metadata: { name: 'a-'.repeat(n * 20) } })],
  [
    'a long label',
    create(MAPS),
    (n) => json({ metadata: { name: 'a', labels: { [`${'a.'.repeat(n * 20)}/b`]: 'c-'.repeat(n * 20) } } }),
  ],
  [
    'a long quantity',
    create(PODS),
    (n) =>
      json({
        metadata: { name: 'a' },
        spec: { containers: [{ name: 'a', image: 'a', resources: { limits: { cpu: '1'.repeat(n * 20) } } }] },
      }),
  ],
  [
    'a long fraction',
    create(PODS),
    (n) =>
      json({
        metadata: { name: 'a' },
        spec: { containers: [{ name: 'a', image: 'a', resources: { limits: { cpu: `1.${'0'.repeat(n * 20)}1` } } }] },
      }),
  ],
  [
    'quantities with huge exponents',
    create(PODS),
    (n) =>
      json({
        metadata: { name: 'a' },
        spec: {
          containers: [
            {
              name: 'a',
              image: 'a',
              resources: { limits: Object.fromEntries(many(n, (i) => [`x.y/z${i}`, `1e${i}99999`])) },
            },
          ],
        },
      }),
  ],
  [
    'a long time',
    create(MAPS),
    (n) => json({ metadata: { name: 'a', creationTimestamp: `2020-01-01T00:00:00.${'0'.repeat(n * 20)}` } }),
  ],
  [
    'broken base64',
    create(MAPS),
    (n) => json({ metadata: { name: 'a' }, binaryData: { a: `${'QUJD'.repeat(n * 20)}!` } }),
  ],
  [
    'base64 with line ends',
    create(MAPS),
    (n) => json({ metadata: { name: 'a' }, binaryData: { a: 'QUJD\n'.repeat(n * 10) } }),
  ],
  [
    'ports that clash',
    create(PODS),
    (n) =>
      json({
        metadata: { name: 'a' },
        spec: { containers: [{ name: 'a', image: 'a', ports: many(n, () => ({ containerPort: 80 })) }] },
      }),
  ],
  ['kinds that nobody knows', create(MAPS), (n) => json({ kind: 'x'.repeat(n * 20), apiVersion: '/'.repeat(n * 20) })],
  [
    'evictions',
    create(`${PODS}/base/eviction`),
    (n) => json({ deleteOptions: { dryRun: many(n, () => 'All') }, ...names(n) }),
  ],
  [
    'bindings',
    create(`${PODS}/base/binding`),
    (n) =>
      json({ metadata: { annotations: Object.fromEntries(many(n, (i) => [`x${i}`, ''])) }, target: { name: 'x' } }),
  ],
  [
    'delete options',
    { method: 'DELETE', path: MAPS, query: 'labelSelector=none%3Dnone' },
    (n) => json({ ...names(n), dryRun: many(n, () => 'All') }),
  ],
  [
    'scale',
    { method: 'PUT', path: `${DEPLOYMENTS}/base/scale`, query: DRY },
    (n) => json({ metadata: { name: 'base' }, spec: { replicas: 1, ...names(n) } }),
  ],
  [
    'status',
    { method: 'PUT', path: `${PODS}/base/status`, query: DRY },
    (n) =>
      json({ metadata: { name: 'base' }, spec: template.spec, status: { podIPs: many(n, () => ({ ip: '1.2.3.4' })) } }),
  ],
  [
    'ephemeral containers',
    patch('strategic-merge-patch+json', `${PODS}/base/ephemeralcontainers`),
    (n) => json({ spec: { ephemeralContainers: many(n / 4, (i) => ({ name: `e${i}`, image: 'a' })) } }),
  ],
  [
    'a pod changed all over',
    { method: 'PUT', path: `${PODS}/base`, query: DRY },
    (n) =>
      json({
        metadata: { name: 'base' },
        spec: {
          ...template.spec,
          tolerations: many(n / 2, (i) => ({ key: `x${i}`, operator: 'Exists' })),
          nodeName: 'n',
        },
      }),
  ],
]

const yamls: readonly Row[] = [
  ['map', yaml(MAPS), (n) => `data:\n${text(n, (i) => `  k${i}: v\n`)}`],
  ['one key', yaml(MAPS), (n) => `data:\n${text(n, () => '  k: v\n')}`],
  ['list', yaml(MAPS), (n) => `x:\n${text(n, () => '- a\n')}`],
  ['flow list', yaml(MAPS), (n) => `x: [${text(n, () => 'a,')}]`],
  ['flow lists that never end', yaml(MAPS), (n) => `x: ${'['.repeat(n)}`],
  ['quotes', yaml(MAPS), (n) => `x: [${text(n, () => '"a" "b" ')}`],
  ['anchors', yaml(MAPS), (n) => `x:\n${text(n, (i) => `- &a${i} x\n`)}`],
  ['aliases', yaml(MAPS), (n) => `a: &a x\nx:\n${text(n, () => '- *a\n')}`],
  [
    'aliases of as many anchors',
    yaml(MAPS),
    (n) => text(n, (i) => `a${i}: &a${i} x\n`) + text(n, (i) => `b${i}: *a${i}\n`),
  ],
  ['one anchor again and again', yaml(MAPS), (n) => `x:\n${text(n, () => '- &a x\n- *a\n')}`],
  ['merges', yaml(MAPS), (n) => `a: &a {x: 1}\nx:\n${text(n, () => '- {<<: *a}\n')}`],
  [
    'merges of merges',
    yaml(MAPS),
    (n) => `a0: &a0 {x: 1}\n${text(n, (i) => `a${i + 1}: &a${i + 1} {<<: *a${i}, y${i}: 1}\n`)}`,
  ],
  [
    'lists of one list',
    yaml(MAPS),
    (n) => `a0: &a0 [x]\n${text(n, (i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]\n`)}`,
  ],
  ['folded lines', yaml(MAPS), (n) => `a: >\n${text(n, () => ' x\n\n')}`],
  ['colons', yaml(MAPS), (n) => `x: ${text(n, () => 'a: ')}`],
  ['indentation', yaml(MAPS), (n) => text(n / 4, (i) => `${' '.repeat(i % 900)}k:\n`)],
  ['apply', yamlApply, (n) => `${HEAD}data:\n${text(n, (i) => `  x${i}: v\n`)}`],
  ['apply: duplicates', yamlApply, (n) => `${HEAD}data:\n${text(n, () => '  k: v\n')}`],
  ['apply: aliases', yamlApply, (n) => `${HEAD}x: &a y\ndata:\n${text(n, (i) => `  x${i}: *a\n`)}`],
]

const varint = (n: number): number[] => (n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...varint(Math.floor(n / 128))])
const field = (number: number, value: readonly number[]) => [number * 8 + 2, ...varint(value.length), ...value]
const ascii = (value: string) => [...encoder.encode(value)]

/** A ConfigMap whose message has these bytes. */
function protobuf(raw: readonly number[]): Uint8Array {
  const typed = field(1, [...field(1, ascii('v1')), ...field(2, ascii('ConfigMap'))])
  return Uint8Array.from([0x6b, 0x38, 0x73, 0, ...typed, ...field(2, raw)])
}

const binary: Sent = { ...create(MAPS), type: 'application/vnd.kubernetes.protobuf' }
const protobufs: readonly Row[] = [
  [
    'map',
    binary,
    (n) => protobuf(many(n, (i) => field(2, [...field(1, ascii(`k${i}`)), ...field(2, ascii('v'))])).flat()),
  ],
  ['one field again and again', binary, (n) => protobuf(many(n * 4, () => [4 * 8, 1]).flat())],
  ['unknown fields', binary, (n) => protobuf(many(n * 4, () => field(9, [])).flat())],
]

const queries: readonly Row[] = [
  ['label selector', { method: 'GET', path: PODS }, (n) => text(n, (i) => `x${i} in (a,b),`)],
  ['values of one label', { method: 'GET', path: PODS }, (n) => `x in (${text(n, (i) => `v${i},`)})`],
  ['symbols', { method: 'GET', path: PODS }, (n) => '!=(>,'.repeat(n)],
]

describe('what a request costs grows with its length:', () => {
  it.each(jsonPatches)('JSON patch: %s', async (_, sent, body) => {
    expect(await statusOfLinear(sent, body)).toBeLessThan(500)
  })

  it('JSON patch: a copy into itself ends at 3 MiB', async () => {
    expect(await statusOfLinear(jsonPatch('base'), doubling)).toBe(422)
  })

  it('JSON patch: ten thousand operations and no more', async () => {
    const operations = (n: number) => json(many(n, () => ({ op: 'test', path: '/kind', value: 'ConfigMap' })))
    expect((await cost(jsonPatch('base'), operations(10_000))).status).toBe(200)
    expect((await cost(jsonPatch('base'), operations(10_001))).status).toBe(413)
  })

  it.each(otherPatches)('patch: %s', (_, sent, body) => expectLinear(sent, body))
  it.each(creates)('JSON: %s', (_, sent, body) => expectLinear(sent, body))
  it.each(yamls)('YAML: %s', (_, sent, body) => expectLinear(sent, body))
  it.each(protobufs)('protobuf: %s', (_, sent, body) => expectLinear(sent, body))

  it.each(queries)('query: %s', async (_, sent, selector) => {
    for (const name of ['labelSelector', 'fieldSelector']) {
      const query = (n: number) => new URLSearchParams({ [name]: selector(n) as string }).toString()
      const run = async (n: number) => (await cost({ ...sent, query: query(n) }, '')).ms
      let [least, most] = [await run(N), await run(4 * N)]
      for (let i = 0; i < ATTEMPTS && most > NOISE_MS && most > GROWTH_MAX * least; i++)
        [least, most] = [Math.min(least, await run(N)), Math.min(most, await run(4 * N))]
      expect(most <= NOISE_MS || most <= GROWTH_MAX * least).toBe(true)
    }
  })
})

type Step = string | 0
interface Way {
  readonly steps: readonly Step[]
  readonly of: Type
  readonly keyed: boolean
}

/** Ways to all lists and maps below a type; into each definition only once. */
function collections(type: Type, seen = new Set<string>()): Way[] {
  if (type.kind === 'map') return [{ steps: [], of: type.of, keyed: true }]
  if (type.kind === 'array') {
    const below = collections(type.of, seen).map((way) => ({ ...way, steps: [0 as const, ...way.steps] }))
    return [{ steps: [], of: type.of, keyed: false }, ...below]
  }
  if (type.kind !== 'ref' || seen.has(type.definition.name)) return []
  seen.add(type.definition.name)
  return [...type.definition.fields.values()].flatMap((f) =>
    collections(f.type, seen).map((way) => ({ ...way, steps: [f.name, ...way.steps] })),
  )
}

const SCALARS: Readonly<Record<string, unknown>> = {
  boolean: true,
  quantity: '1',
  time: '2020-01-01T00:00:00Z',
  microTime: '2020-01-01T00:00:00.000000Z',
  byte: 'QQ==',
  intOrString: 8,
}

function element(type: Type, name: string, number: number): unknown {
  if (type.kind === 'string') return name
  if (/^(int|double)/.test(type.kind)) return number
  if (type.kind !== 'ref') return SCALARS[type.kind] ?? (type.kind === 'array' ? [] : {})
  const scalars = [...type.definition.fields.values()].filter((f) => !['ref', 'array', 'map'].includes(f.type.kind))
  return Object.fromEntries(scalars.map((f) => [f.name, element(f.type, name, number)]))
}

/** An object with the collection at the end of the way, and on it whatever makes it look at home. */
function objectWith(type: Type, steps: readonly Step[], end: unknown): unknown {
  const [step, ...rest] = steps
  if (step === undefined) return end
  if (step === 0) return [objectWith((type as Type & { of: Type }).of, rest, end)]
  const { fields } = (type as Type & { definition: Definition }).definition
  const beside = Object.fromEntries(['name', 'image'].filter((name) => fields.has(name)).map((name) => [name, 'a']))
  return { ...beside, [step]: objectWith(fields.get(step)?.type as Type, rest, end) }
}

const typeOf = (r: { definition: string }): Type => ({ kind: 'ref', goType: '', definition: definition(r.definition) })
const kinds = RESOURCES.filter((r) => KINDS.test(r.kind)).map((r) => [r.kind, r] as const)

it.each(kinds)('every list and map of a %s', { timeout: 120_000 }, async (kind, resource) => {
  const { group, version, plural, namespaced } = resource
  const apiVersion = group ? `${group}/${version}` : version
  const path = `/${group ? 'apis' : 'api'}/${apiVersion}${namespaced ? '/namespaces/default' : ''}/${plural}`
  for (const { steps, of, keyed } of collections(typeOf(resource))) {
    if (kind !== 'ConfigMap' && steps.includes('metadata')) continue
    for (const name of keyed ? ['x'] : ['x', 'same']) {
      const nameOf = (i: number) => (name === 'same' ? name : `${name}${i}`)
      const one = (i: number) => element(of, nameOf(i), name === 'same' ? 1 : i + 1)
      const body = (n: number) => {
        const all = keyed ? Object.fromEntries(many(n, (i) => [nameOf(i), one(i)])) : many(n, one)
        const made = objectWith(typeOf(resource), steps, all) as { metadata?: object }
        return json({ ...made, kind, apiVersion, metadata: { ...made.metadata, name: 'a' } })
      }
      await expectLinear(create(path), body, 1000)
      await expectLinear(apply(`${path}/a`), body, 1000)
    }
  }
})
