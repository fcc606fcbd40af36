import { afterEach, beforeEach, expect, it } from 'vitest'
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

it('dies with the pod it is bound to', async () => {
  const spec = { containers: [{ name: 'c', image: 'x' }] }
  const metadata = { name: 'p', namespace: 'default' }
  await api.client.create(pods, { kind: 'Pod', apiVersion: 'v1', metadata, spec } as never)
  const made = await token({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } })
  expect((await whoAmI(made)).status).toBe(201)
  await api.client.delete(pods, metadata)
  expect((await whoAmI(made)).status).toBe(401)
})

it('is refused for another audience, another key, or a changed claim', async () => {
  expect((await whoAmI(await token({ audiences: ['vault'] }))).status).toBe(401)
  const made = await token()
  const [header, payload = '', signature] = made.split('.')
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
  const forged = btoa(JSON.stringify({ ...claims, sub: 'system:serviceaccount:kube-system:root' }))
  expect((await whoAmI(`${header}.${forged}.${signature}`)).status).toBe(401)
  expect((await whoAmI(jwtSigner(newTokenKey()).sign(claims))).status).toBe(401)
})
