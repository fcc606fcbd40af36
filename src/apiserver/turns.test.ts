/** Long requests give way: how often is counted here, not for how long they do not. Shapes of bodies are in `body-cost.test.ts`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import { MEMBERS_MAX, VALUES_MAX } from '../wire/limits.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'
const encoder = new TextEncoder()
const json = JSON.stringify
const many = <T>(n: number, of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i))
const keys = (n: number, key: string) => Object.fromEntries(many(n, (i) => [`${key}${i}`, 'v']))
const configMap = (data: object) => ({ kind: 'ConfigMap', apiVersion: 'v1', data })

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(5) })
  for (const [name, data] of [
    ['small', { a: 'b' }],
    ['large', keys(5000, 'k')],
    ['full', keys(MEMBERS_MAX, 'k')],
  ] as const)
    await api.client.call('POST', MAPS, { metadata: { name }, data })
})
afterAll(() => api.close())

interface Sent {
  readonly method: string
  readonly path: string
  readonly type?: string
}

const post = (path: string, type = 'application/json'): Sent => ({ method: 'POST', path, type })
const patch = (name: string, type: string): Sent => ({
  method: 'PATCH',
  path: `${MAPS}/${name}`,
  type: `application/${type}`,
})

/** The answer, and how often the request let others go first. */
async function sent({ method, path, type = 'application/json' }: Sent, body: string | Uint8Array) {
  let turns = 0
  const { status, body: answer } = await api.server.handle({
    method,
    path,
    query: new URLSearchParams(`dryRun=All&fieldManager=m${/apply/.test(type) ? '&force=true' : ''}`),
    headers: { 'content-type': type, 'user-agent': 'test/1' },
    user: { name: 'admin', groups: ['system:masters'] },
    body: async () => ({ bytes: typeof body === 'string' ? encoder.encode(body) : body }),
    pause: async () => void turns++,
    signal: new AbortController().signal,
  })
  const object = answer.type === 'object' ? (answer.object as { message?: string; details?: { causes: [] } }) : {}
  return { status, turns, message: object.message ?? '', causes: object.details?.causes ?? [] }
}

describe('a long request is worked on in many turns:', () => {
  it.each([
    ['a create', post(MAPS), 8, json({ metadata: { name: 'a' }, data: keys(5000, 'x') })],
    ['an apply', patch('small', 'apply-patch+yaml'), 12, json(configMap(keys(5000, 'x')))],
    ['a merge patch', patch('small', 'merge-patch+json'), 8, json({ data: keys(5000, 'x') })],
    [
      'a JSON patch',
      patch('small', 'json-patch+json'),
      150,
      json(many(10_000, () => ({ op: 'test', path: '/kind', value: 'ConfigMap' }))),
    ],
    [
      'copies of much',
      patch('large', 'json-patch+json'),
      10,
      json(many(15, (i) => ({ op: 'copy', from: '/data', path: `/x${i}` }))),
    ],
    ['many values in YAML', post(MAPS, 'application/yaml'), 50, `x:\n${'- [a, a, a, a]\n'.repeat(9_000)}`],
    ['a long text in YAML', post(MAPS, 'application/yaml'), 50, `x: ${'y '.repeat(250_000)}`],
    ['escapes in YAML', post(MAPS, 'application/yaml'), 50, `x: "${'\\u0041'.repeat(250_000)}"`],
    ['many lines in YAML', post(MAPS, 'application/yaml'), 50, `x: |\n${'  y\n'.repeat(250_000)}`],
    ['empty lines in YAML', post(MAPS, 'application/yaml'), 50, '\n'.repeat(250_000)],
  ] as const)('%s', async (_, way, least, body) => {
    expect((await sent(way, body)).turns).toBeGreaterThanOrEqual(least)
  })

  it.each([
    ['merge-patch+json', json({ data: { a: 'c' } })],
    ['strategic-merge-patch+json', json({ data: { a: 'c' } })],
    ['json-patch+json', json([{ op: 'add', path: '/data/a', value: 'c' }])],
    ['apply-patch+yaml', json(configMap({ a: 'c' }))],
  ])('a small change of a large object, of a small one not: %s', async (type, body) => {
    const large = await sent(patch('large', type), body)
    expect(large).toMatchObject({ status: 200 })
    expect(large.turns).toBeGreaterThanOrEqual(5)
    expect(await sent(patch('small', type), body)).toMatchObject({ status: 200, turns: 0 })
  })
})

/** A Pod whose supplementalGroups are so many, packed. */
function packed(n: number): Uint8Array {
  const varint = (value: number): number[] =>
    value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))]
  const field = (number: number, value: Uint8Array) =>
    Buffer.concat([Uint8Array.from([...varint(number * 8 + 2), ...varint(value.length)]), value])
  const type = Buffer.concat([field(1, encoder.encode('v1')), field(2, encoder.encode('Pod'))])
  const context = field(4, new Uint8Array(n).fill(1))
  return Buffer.concat([Uint8Array.from([0x6b, 0x38, 0x73, 0]), field(1, type), field(2, field(2, field(14, context)))])
}

describe('what is too much for one turn is refused (413):', () => {
  const more = MEMBERS_MAX + 2
  it.each([
    ['keys', post(MAPS), json({ metadata: { name: 'a' }, data: keys(more, 'x') })],
    ['unknown keys', post(MAPS), json({ metadata: { name: 'a' }, ...keys(more, 'x') })],
    ['elements', post(PODS), json({ metadata: { name: 'a' }, spec: { containers: many(more, () => ({})) } })],
    ['values', post(MAPS), json({ x: many(9_000, () => many(VALUES_MAX / 9_000, () => 1)) })],
    ['YAML keys', post(MAPS, 'application/yaml'), `x:\n${many(more, (i) => `  k${i}: v\n`).join('')}`],
    ['YAML elements', post(MAPS, 'application/yaml'), `x: [${'a,'.repeat(more)}]`],
    ['packed numbers', post(PODS, 'application/vnd.kubernetes.protobuf'), packed(more)],
    ['what a merge makes', patch('full', 'merge-patch+json'), json({ data: { more: 'v' } })],
    [
      'what a JSON patch makes',
      patch('full', 'json-patch+json'),
      json([{ op: 'add', path: '/data/more', value: 'v' }]),
    ],
    ['what an apply makes', patch('full', 'apply-patch+yaml'), json(configMap({ more: 'v' }))],
  ] as const)('%s', async (_, way, body) => {
    expect(await sent(way, body)).toMatchObject({ status: 413, message: expect.stringMatching(/limit is \d+/) })
  })

  it('what is just not too much is taken, and comes back as it was answered', async () => {
    const object = await api.client.call('GET', `${MAPS}/full`)
    expect(await sent({ method: 'PUT', path: `${MAPS}/full` }, json(object))).toMatchObject({ status: 200 })
  })
})

it('validation ends with the errors that are told', async () => {
  const lists = { containers: many(9_000, () => ({})), initContainers: many(9_000, () => ({})) }
  const { status, causes, message } = await sent(post(PODS), json({ metadata: { name: 'a' }, spec: lists }))
  expect([status, causes.length, message.endsWith('and more errors]')]).toEqual([422, 1000, true])
  expect(message).not.toContain('initContainers')
})
