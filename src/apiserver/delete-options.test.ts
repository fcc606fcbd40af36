/** DeleteOptions as clients send them: in every form, with the version of whatever group they mean. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Status } from '../api/status.ts'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { RESOURCES } from '../resources/index.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import type { ApiResponse } from '../wire/exchange.ts'
import { ProtobufWriter } from '../wire/protobuf-writer.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

const COLLECTION = '/api/v1/namespaces/default/configmaps'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const JSON_TYPE = 'application/json'

function send(method: string, path: string, bytes: Uint8Array, type = JSON_TYPE): Promise<ApiResponse> {
  return api.server.handle({
    method,
    path,
    query: new URLSearchParams(),
    headers: { 'content-type': type },
    user: { name: 'admin', groups: ['system:masters'] },
    body: async () => ({ bytes }),
    signal: new AbortController().signal,
  })
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))

async function answered(response: Promise<ApiResponse>): Promise<[number, string | undefined]> {
  const { status, body } = await response
  return [status, body.type === 'object' ? (body.object as Status).message : undefined]
}

/** Preconditions on a uid that no object has: whether they are read shows by the refusal. */
const PRECONDITION = { preconditions: { uid: 'nobody' } }

function protobuf(apiVersion: string, kind: string, withPrecondition: boolean): Uint8Array {
  const out = new ProtobufWriter()
  out.message(1, (meta) => meta.text(1, apiVersion).text(2, kind))
  out.message(2, (raw) => {
    if (withPrecondition) raw.message(2, (inner) => inner.text(1, 'nobody'))
  })
  return Buffer.concat([Buffer.from('k8s\0'), out.text(3, '').text(4, '').done()])
}

/** The form of the body, and how to write it. */
const FORMS: [string, (apiVersion: string, precondition: boolean) => Uint8Array, string][] = [
  ['JSON', (apiVersion, on) => json({ kind: 'DeleteOptions', apiVersion, ...(on ? PRECONDITION : {}) }), JSON_TYPE],
  [
    'YAML',
    (apiVersion, on) =>
      Buffer.from(`kind: DeleteOptions\napiVersion: ${apiVersion}\n${on ? 'preconditions: {uid: nobody}\n' : ''}`),
    'application/yaml',
  ],
  ['protobuf', (apiVersion, on) => protobuf(apiVersion, 'DeleteOptions', on), PROTOBUF],
]

/** Those that are served, that of options themselves, and one that is not served: the recordings let it through. */
const VERSIONS = [
  ...new Set(RESOURCES.map(({ group, version }) => (group ? `${group}/${version}` : version))),
  'meta.k8s.io/v1',
  'nosuch/v1',
]

describe.each(FORMS)('DeleteOptions in %s', (_, write, type) => {
  it.each(VERSIONS)('of %s are read by a delete and by a deletion of a collection', async (version) => {
    const name = 'a'
    await send('POST', COLLECTION, json({ metadata: { name } }))
    expect((await send('DELETE', `${COLLECTION}/${name}`, write(version, true), type)).status).toBe(409)
    expect((await send('DELETE', COLLECTION, write(version, true), type)).status).toBe(409)
    expect((await send('DELETE', `${COLLECTION}/${name}`, write(version, false), type)).status).toBe(200)
    await send('POST', COLLECTION, json({ metadata: { name } }))
    expect((await send('DELETE', COLLECTION, write(version, false), type)).status).toBe(200)
    expect((await send('DELETE', `${COLLECTION}/${name}`, write(version, false), type)).status).toBe(404)
  })
})

describe('what is no DeleteOptions', () => {
  const scheme = 'in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"'
  const intoType =
    'into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'

  it.each<[string, Uint8Array, string, [number, string]]>([
    ['another kind', protobuf('apps/v1', 'Pod', false), PROTOBUF, [400, `version "apps/v1" ${scheme}`]],
    ['another kind', json({ kind: 'Pod' }), JSON_TYPE, [400, `no kind "Pod" is registered for version "v1"`]],
    ['no kind', protobuf('', '', true), PROTOBUF, [409, 'the UID in the precondition (nobody) does not match']],
    ['no protobuf', json({}), PROTOBUF, [400, 'provided data does not appear to be a protobuf message']],
    ['a list', json([]), JSON_TYPE, [400, `json parse error: json: cannot unmarshal array ${intoType}`]],
    ['a number as kind', json({ kind: 5 }), JSON_TYPE, [400, 'cannot unmarshal number into Go struct field .kind']],
    ['a strange version', json({ apiVersion: 'a/b/c' }), JSON_TYPE, [400, 'unexpected GroupVersion string: a/b/c']],
  ])('%s is refused and nothing is deleted', async (_, bytes, type, [status, message]) => {
    await send('POST', COLLECTION, json({ metadata: { name: 'kept' } }))
    const deletion = await answered(send('DELETE', `${COLLECTION}/kept`, bytes, type))
    expect(deletion).toEqual([status, expect.stringContaining(message)])
    expect((await send('GET', `${COLLECTION}/kept`, json({}))).status).toBe(200)
  })
})

describe('the options of an eviction', () => {
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const path = '/api/v1/namespaces/default/pods/p/eviction'

  it.each(['v1', 'apps/v1', 'policy/v1'])(
    'are read in protobuf and in JSON, whatever version (%s) they name',
    async (apiVersion) => {
      await send('POST', '/api/v1/namespaces/default/serviceaccounts', json({ metadata: { name: 'default' } }))
      await send('POST', '/api/v1/namespaces/default/pods', json(pod))
      const out = new ProtobufWriter()
      out.message(1, (meta) => meta.text(1, 'policy/v1').text(2, 'Eviction'))
      out.message(2, (raw) => {
        raw.message(1, (meta) => meta.text(1, 'p'))
        raw.message(2, (options) => options.message(2, (inner) => inner.text(1, 'nobody')))
      })
      const body = Buffer.concat([Buffer.from('k8s\0'), out.done()])
      expect((await send('POST', path, body, PROTOBUF)).status).toBe(409)
      const deleteOptions = { apiVersion, kind: 'DeleteOptions', ...PRECONDITION }
      expect((await send('POST', path, json({ metadata: { name: 'p' }, deleteOptions }))).status).toBe(409)
      const sent = { metadata: { name: 'p' }, deleteOptions: { apiVersion, kind: 'DeleteOptions' } }
      expect((await send('POST', path, json(sent))).status).toBe(201)
    },
  )
})
