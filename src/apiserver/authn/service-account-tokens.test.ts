import { createPublicKey, verify } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SeededRandom } from '../../base/random.ts'
import { drain } from '../../sim/drain.node.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { startTestApi, type TestApi } from '../../sim/test-api.ts'
import type { ApiRequest } from '../../wire/exchange.ts'
import { jwtSigner, newTokenKey } from './jwt.node.ts'

const accounts = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true }
const pods = { ...accounts, plural: 'pods', kind: 'Pod' }
const robot = { namespace: 'default', name: 'robot' }

let clock: SimClock
let api: TestApi
const key = newTokenKey()

beforeEach(async () => {
  clock = new SimClock({ drain })
  api = await startTestApi({ clock, random: new SeededRandom(1), server: { tokenSigner: jwtSigner(key) } })
  await api.client.create(accounts, { kind: 'ServiceAccount', apiVersion: 'v1', metadata: robot })
})
afterEach(() => api.close())

async function token(spec: object = {}): Promise<string> {
  const request = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec }
  const answer = await api.client.createSubresource(accounts, robot, 'token', request)
  return (answer as { status: { token: string } }).status.token
}

/** The status of asking who one is with this token, and the answer. */
async function whoAmI(bearer: string) {
  const request: ApiRequest = {
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    query: new URLSearchParams(),
    headers: { authorization: `Bearer ${bearer}` },
    body: () => Promise.resolve({ object: {} }),
    signal: new AbortController().signal,
  }
  const { status, body } = await api.server.handle(request)
  return { status, object: body.type === 'object' ? body.object : undefined }
}

it('is the account and its groups', async () => {
  expect(await whoAmI(await token())).toMatchObject({
    status: 201,
    object: {
      status: {
        userInfo: {
          username: 'system:serviceaccount:default:robot',
          groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        },
      },
    },
  })
})

it('expires', async () => {
  const made = await token({ expirationSeconds: 600 })
  await clock.advance(599_000)
  expect((await whoAmI(made)).status).toBe(201)
  await clock.advance(1000)
  expect((await whoAmI(made)).status).toBe(401)
})

it('dies with its account', async () => {
  const made = await token()
  await api.client.delete(accounts, robot)
  expect((await whoAmI(made)).status).toBe(401)
})

async function review(bearer: string, audiences?: string[]) {
  const spec = { token: bearer, ...(audiences ? { audiences } : {}) }
  const body = { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec }
  const answer = await api.client.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', body)
  return (answer as { status: object }).status
}

const claimsIn = (made: string) => JSON.parse(Buffer.from(made.split('.')[1] ?? '', 'base64url').toString())

describe('bound to', () => {
  const secrets = { ...accounts, plural: 'secrets', kind: 'Secret' }
  const nodes = { ...accounts, plural: 'nodes', kind: 'Node', namespaced: false }
  const p = { name: 'p', namespace: 'default' }
  const uids: Record<string, string | undefined> = {}
  const ref = (kind: string, name: string) => ({ boundObjectRef: { kind, apiVersion: 'v1', name, uid: uids[kind] } })

  const make = async (resource: typeof accounts, body: object) => {
    const made: unknown = await api.client.create(resource, { apiVersion: 'v1', kind: resource.kind, ...body } as never)
    return (made as { metadata: { uid: string } }).metadata.uid
  }

  beforeEach(async () => {
    const spec = { nodeName: 'n', serviceAccountName: 'robot', containers: [{ name: 'c', image: 'x' }] }
    uids.Node = await make(nodes, { metadata: { name: 'n' } })
    uids.Secret = await make(secrets, { metadata: { name: 's', namespace: 'default' } })
    uids.Pod = await make(pods, { metadata: p, spec })
  })

  it('a pod it says so, and on which node', async () => {
    const made = await token({ ...ref('Pod', 'p'), expirationSeconds: 600 })
    const { jti, 'kubernetes.io': about, iat, exp } = claimsIn(made)
    expect([about, exp - iat]).toEqual([
      {
        namespace: 'default',
        node: { name: 'n', uid: uids.Node },
        pod: { name: 'p', uid: uids.Pod },
        serviceaccount: { name: 'robot', uid: expect.any(String) },
      },
      600,
    ])
    expect(await review(made)).toEqual({
      authenticated: true,
      audiences: ['https://kubernetes.default.svc'],
      user: {
        username: 'system:serviceaccount:default:robot',
        uid: about.serviceaccount.uid,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/credential-id': [`JTI=${jti}`],
          'authentication.kubernetes.io/node-name': ['n'],
          'authentication.kubernetes.io/node-uid': [uids.Node],
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': [uids.Pod],
        },
      },
    })
  })

  it.each([
    ['Pod', 'p', () => api.client.delete(pods, p, { gracePeriodSeconds: 0 })],
    ['Secret', 's', () => api.client.delete(secrets, { name: 's', namespace: 'default' })],
    ['Node', 'n', () => api.client.delete(nodes, { name: 'n' })],
  ])('a %s it dies with it, also when another of the name follows', async (kind, name, remove) => {
    const made = await token(ref(kind, name))
    expect((await whoAmI(made)).status).toBe(201)
    await remove()
    expect((await whoAmI(made)).status).toBe(401)
    const error = '[invalid bearer token, service account token has been invalidated]'
    expect(await review(made)).toEqual({ user: {}, error })
    const resource = [pods, secrets, nodes].find((one) => one.kind === kind) ?? pods
    const metadata = { name, ...(resource.namespaced ? { namespace: 'default' } : {}) }
    const spec = kind === 'Pod' ? { spec: { containers: [{ name: 'c', image: 'x' }] } } : {}
    await make(resource, { metadata, ...spec })
    expect((await whoAmI(made)).status).toBe(401)
  })

  it('a pod of another account it is not made, nor to what is not there', async () => {
    await api.client.create(accounts, {
      kind: 'ServiceAccount',
      apiVersion: 'v1',
      metadata: { ...robot, name: 'other' },
    })
    const other = { namespace: 'default', name: 'other' }
    const request = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: ref('Pod', 'p') }
    await expect(api.client.createSubresource(accounts, other, 'token', request)).rejects.toMatchObject({
      code: 400,
      message: 'cannot bind token for serviceaccount "other" to pod running with different serviceaccount name.',
    })
    await expect(token({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } })).rejects.toMatchObject({
      code: 404,
    })
    await expect(
      token({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'u' } }),
    ).rejects.toMatchObject({ code: 409 })
    await expect(token({ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'c' } })).rejects.toMatchObject({
      code: 400,
    })
  })

  it('a pod by its own volume it is good for a year, and says from when on it should be newer', async () => {
    const made = await token({ ...ref('Pod', 'p'), expirationSeconds: 3607 })
    const { iat, exp, 'kubernetes.io': about } = claimsIn(made)
    expect([exp - iat, about.warnafter - iat]).toEqual([365 * 24 * 3600, 3607])
    const vault = claimsIn(await token({ ...ref('Pod', 'p'), expirationSeconds: 3607, audiences: ['vault'] }))
    expect([vault.exp - vault.iat, vault['kubernetes.io'].warnafter]).toEqual([3607, undefined])
  })
})

it('is reviewed for the audiences that are asked for', async () => {
  const made = await token({ audiences: ['vault', 'https://kubernetes.default.svc'] })
  expect(await review(made, ['vault', 'other'])).toMatchObject({ authenticated: true, audiences: ['vault'] })
  expect(await review(made)).toMatchObject({ authenticated: true, audiences: ['https://kubernetes.default.svc'] })
  expect(await review(made, ['other'])).toEqual({
    user: {},
    error:
      '[invalid bearer token, token audiences ["vault" "https://kubernetes.default.svc"] is invalid for the target audiences ["other"]]',
  })
  expect(await review('admin-token', ['other'])).toEqual({ user: {}, error: 'invalid bearer token' })
})

it('can be checked by others, with the keys that service accounts may read', async () => {
  const made = await token()
  const get = async (path: string, host = '127.0.0.1:1') => {
    const { status, headers, body } = await api.server.handle({
      method: 'GET',
      path,
      query: new URLSearchParams(),
      headers: { authorization: `Bearer ${made}`, host },
      body: () => Promise.resolve(undefined),
      signal: new AbortController().signal,
    })
    return { status, type: headers['content-type'], document: JSON.parse(body.type === 'text' ? body.text : '{}') }
  }
  const configuration = await get('/.well-known/openid-configuration')
  expect(configuration).toEqual({
    status: 200,
    type: 'application/json',
    document: {
      issuer: claimsIn(made).iss,
      jwks_uri: 'https://127.0.0.1:6443/openid/v1/jwks',
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    },
  })
  // Pods do not reach the address of the outside; no other name is taken from who asks.
  for (const host of ['10.96.0.1', '10.96.0.1:443', 'kubernetes.default.svc', 'kubernetes']) {
    const inside = await get('/.well-known/openid-configuration', host)
    expect(inside.document.jwks_uri).toBe(`https://${host}/openid/v1/jwks`)
  }
  for (const host of ['evil.example.com', '10.96.0.1.evil.example.com', '10.96.0.1:80', '']) {
    const outside = await get('/.well-known/openid-configuration', host)
    expect(outside.document.jwks_uri).toBe('https://127.0.0.1:6443/openid/v1/jwks')
  }
  const { type, document } = await get('/openid/v1/jwks')
  expect(type).toBe('application/jwk-set+json')
  const [header = '', payload = '', signature = ''] = made.split('.')
  const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const jwk = document.keys.find((one: { kid: string }) => one.kid === kid)
  expect([alg, jwk.alg, jwk.use, jwk.d]).toEqual(['ES256', 'ES256', 'sig', undefined])
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
  const checked = verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  expect(checked).toBe(true)
  const ann = api.clientOf('ann', [])
  for (const path of ['/.well-known/openid-configuration', '/openid/v1/jwks'])
    await expect(ann.call('GET', path)).rejects.toMatchObject({ code: 403 })
})

it.each([
  ['nothing', () => ''],
  ['no algorithm', (c: object) => `${encode({ alg: 'none' })}.${encode(c)}.`],
  ['the public key as a secret', (c: object) => `${encode({ alg: 'HS256' })}.${encode(c)}.AAAA`],
  ['another key by its header', (c: object) => `${encode({ alg: 'ES256', jwk: {} })}.${encode(c)}.AAAA`],
])('signed with %s is refused', async (_what, forge) => {
  const made = await token()
  expect((await whoAmI(forge(claimsIn(made)) || `${made.split('.').slice(0, 2).join('.')}.`)).status).toBe(401)
})

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

it('is refused for another audience, another key, or a changed claim', async () => {
  expect((await whoAmI(await token({ audiences: ['vault'] }))).status).toBe(401)
  const made = await token()
  const [header, payload = '', signature] = made.split('.')
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
  const forged = btoa(JSON.stringify({ ...claims, sub: 'system:serviceaccount:kube-system:root' }))
  expect((await whoAmI(`${header}.${forged}.${signature}`)).status).toBe(401)
  expect((await whoAmI(jwtSigner(newTokenKey()).sign(claims))).status).toBe(401)
})
