import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import type { ApiRequest } from '../wire/exchange.ts'
import { AGGREGATED_TYPE } from './discovery.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

interface Loose {
  metadata: Record<string, unknown>
  items: Loose[]
  [key: string]: unknown
}
const call = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
  api.client.call(method, path, body) as Promise<Loose>

const configMap = (name: string, data: Record<string, string> = { k: 'v' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
})

describe('one object', () => {
  it('is created, read, updated, listed and deleted', async () => {
    const created = await call('POST', '/api/v1/namespaces/default/configmaps', configMap('a'))
    expect(created.metadata).toMatchObject({ name: 'a', namespace: 'default' })
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
    const path = '/api/v1/namespaces/default/configmaps/a'
    expect(await call('GET', path)).toEqual(created)
    const updated = await call('PUT', path, { ...created, data: { k: 'w' } })
    expect(updated.data).toEqual({ k: 'w' })
    await expect(call('PUT', path, { ...created, data: { k: 'x' } })).rejects.toMatchObject({ code: 409 })
    const list = await call('GET', '/api/v1/configmaps')
    expect(list.items.map((item) => item.metadata.name)).toEqual(['a'])
    expect(await call('DELETE', path)).toMatchObject({ kind: 'Status', status: 'Success' })
    await expect(call('GET', path)).rejects.toMatchObject({ code: 404, reason: 'NotFound' })
  })
})

describe('the chain', () => {
  const request = (path: string, more: Partial<ApiRequest> = {}): ApiRequest => ({
    method: 'GET',
    path,
    query: new URLSearchParams(),
    headers: {},
    body: () => Promise.resolve(undefined),
    signal: new AbortController().signal,
    ...more,
  })
  const admin = { name: 'admin', groups: ['system:masters'] }

  it.each([
    ['/api/v1/nosuch', 404],
    ['/apis/nosuch/v1/things', 404],
    ['/api/v1/namespaces/default/pods/p/nosuch', 404],
    ['/api/v1/pods/p', 404],
    ['/apis/apps/v2/deployments', 404],
  ])('GET %s is %i', async (path, status) => {
    expect((await api.server.handle(request(path, { user: admin }))).status).toBe(status)
  })

  const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const review = { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } }
  it.each<[string, object]>([
    ['/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review],
    ['/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec: { ...review.spec, user: 'u' } }],
    ['/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 't' } }],
    ['/apis/authentication.k8s.io/v1/selfsubjectreviews', {}],
    ['/api/v1/namespaces/default/serviceaccounts/default/token', { spec: {} }],
  ])('POST %s has no Table, for which 406 is the answer', async (path, object) => {
    const asked = (accept: string) =>
      api.server.handle(
        request(path, { method: 'POST', user: admin, headers: { accept }, body: async () => ({ object }) }),
      )
    expect(await asked(TABLE)).toMatchObject({
      status: 406,
      body: { object: { reason: 'NotAcceptable', message: expect.stringMatching(/^only the following media types/) } },
    })
    expect((await asked(`${TABLE},application/json`)).status).not.toBe(406)
  })

  it.each([
    ['/apis/apps/v2', '', 404, 'application/json'],
    ['/api/v2', '', 404, 'application/json'],
    ['/apis/nosuch/v1', '', 404, 'text/plain; charset=utf-8'],
    ['/api', 'application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList', 406, 'application/json'],
    [
      '/apis',
      'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json',
      200,
      'application/json',
    ],
    [
      '/apis',
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json',
      200,
      AGGREGATED_TYPE,
    ],
    ['/api/v1', 'text/html', 406, 'application/json'],
  ])('GET %s accepting %j is %i %s', async (path, accept, status, type) => {
    const answer = await api.server.handle(request(path, { user: admin, headers: accept ? { accept } : {} }))
    expect([answer.status, answer.headers['content-type']]).toEqual([status, type])
  })

  it.each([
    ['DELETE', '/api/v1/pods'],
    ['POST', '/api/v1/pods'],
    ['PUT', '/api/v1/namespaces/default/pods'],
    ['DELETE', '/api/v1/namespaces'],
    ['HEAD', '/api/v1/namespaces/default'],
    ['OPTIONS', '/api/v1/namespaces'],
  ])('%s %s is 405', async (method, path) => {
    expect((await api.server.handle(request(path, { method, user: admin }))).status).toBe(405)
  })

  it.each([
    ['curl/8.5.0', '', true],
    ['curl/8.5.0', 'pretty=false', false],
    ['kubectl/v1.36.2', '', false],
    ['kubectl/v1.36.2', 'pretty=true', true],
  ])('writes for %s?%s in lines: %s', async (agent, query, lines) => {
    for (const path of ['/api/v1/namespaces/default', '/api/v1/namespaces', '/api/v1/nodes/none', '/apis']) {
      const { body } = await api.server.handle(
        request(path, { user: admin, headers: { 'user-agent': agent }, query: new URLSearchParams(query) }),
      )
      const text = body.type === 'pieces' ? Buffer.concat([...body.pieces()]).toString() : ''
      expect(text.startsWith('{\n  "kind": ')).toBe(lines)
    }
  })

  it.each([
    ['sinceTime=bad', 400, 'parsing time "bad" as "2006-01-02T15:04:05Z07:00": cannot parse "bad" as "2006"'],
    ['tailLines=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['stream=Stdout', 422, 'PodLogOptions "none" is invalid: stream: Forbidden: may not be specified'],
    ['', 404, 'pods "none" not found'],
  ])('reads the options of a log before it looks for the pod: %s', async (query, status, message) => {
    const path = '/api/v1/namespaces/default/pods/none/log'
    const answer = await api.server.handle(request(path, { user: admin, query: new URLSearchParams(query) }))
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ object: { message } })
  })

  it('adds a container to look around with, and nothing else', async () => {
    const metadata = { name: 'p', labels: { a: 'b' } }
    const pods = '/api/v1/namespaces/default/pods'
    const containers = [{ name: 'c', image: 'i' }]
    const created = await call('POST', pods, { metadata, spec: { nodeName: 'gone', containers } })
    const patch = {
      metadata: { labels: { a: 'c' }, annotations: { x: 'y' } },
      spec: { ephemeralContainers: [{ name: 'd', image: 'i' }], nodeName: 'other' },
    }
    const answer = (await api.client.call('PATCH', `${pods}/p/ephemeralcontainers`, patch, {
      'content-type': 'application/strategic-merge-patch+json',
    })) as Loose
    expect(answer.metadata.labels).toEqual({ a: 'b' })
    expect(answer.metadata.annotations).toBeUndefined()
    expect(answer.spec).toMatchObject({ ...(created.spec as object), ephemeralContainers: [{ name: 'd' }] })
    const log = await api.server.handle(request(`${pods}/p/log`, { user: admin }))
    expect(log.body).toMatchObject({ object: { code: 404, message: 'nodes "gone" not found' } })
  })

  it('shows a Scale in a Table of its own', async () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    const path = '/apis/apps/v1/namespaces/default/deployments'
    const spec = { replicas: 2, selector: { matchLabels: { a: 'b' } }, template }
    await call('POST', path, { metadata: { name: 'scaled' }, spec })
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
    const { body } = await api.server.handle(request(`${path}/scaled/scale`, { user: admin, headers: { accept } }))
    expect(body).toMatchObject({
      object: {
        kind: 'Table',
        columnDefinitions: ['Name', 'Desired', 'Available', 'Age'].map((name) => ({ name })),
        rows: [{ cells: ['scaled', 2, 0, expect.stringMatching(/^\d+s$/)] }],
      },
    })
  })

  it('warns of what is valid and probably a mistake, when a spec is new, and not when it is refused', async () => {
    const warned = async (method: string, path: string, object: object) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
      const body = () => Promise.resolve({ object })
      const headers = { 'content-type': type }
      const answer = await api.server.handle(request(path, { method, user: admin, headers, body }))
      return [answer.status, ...((answer.headers.warning as string[] | undefined) ?? [])]
    }
    const env = [{ name: 'A' }, { name: 'A' }]
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i', env }] } }
    const deployment = (replicas: number) => ({
      metadata: { name: 'a.b' },
      spec: { replicas, selector: { matchLabels: { a: 'b' } }, template },
    })
    const hides =
      '299 - "spec.template.spec.containers[0].env[1]: hides previous definition of \\"A\\", which may be dropped when using apply"'
    const path = '/apis/apps/v1/namespaces/default/deployments'
    expect(await warned('POST', path, deployment(-1))).toEqual([422])
    expect(await warned('POST', path, deployment(0))).toEqual([
      201,
      '299 - "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"',
      hides,
    ])
    expect(await warned('PATCH', `${path}/a.b`, { spec: { replicas: 1 } })).toEqual([200, hides])
    expect(await warned('PATCH', `${path}/a.b`, { metadata: { labels: { x: 'y' } } })).toEqual([200])
    const service = { metadata: { name: 's' }, spec: { externalIPs: ['10.0.0.9'], ports: [{ port: 80 }] } }
    expect(await warned('POST', '/api/v1/namespaces/default/services', service)).toEqual([
      201,
      '299 - "spec.externalIPs is deprecated and may no longer be implemented in some clusters"',
    ])
  })

  it('says of everybody who is known that they may ask what they may do', async () => {
    const ann = { name: 'ann', groups: ['system:authenticated'] }
    const body = () => Promise.resolve({ object: { spec: { namespace: 'default' } } })
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
    const answer = await api.server.handle(request(path, { method: 'POST', user: ann, body }))
    const rules = ['authorization.k8s.io', 'authentication.k8s.io'].map((group) => ({ apiGroups: [group] }))
    expect(answer.body).toMatchObject({ object: { status: { resourceRules: rules } } })
  })

  it.each([
    ['POST', '/api/v1/namespaces/default/configmaps', 'application/json'],
    ['PUT', '/api/v1/namespaces/default/configmaps/large', 'application/json'],
    ['PATCH', '/api/v1/namespaces/default/configmaps/large', 'application/merge-patch+json'],
    ['PATCH', '/api/v1/namespaces/default/configmaps/large', 'application/apply-patch+yaml'],
  ])('%s of a large body lets others go first between its steps, of a small one not', async (method, path, type) => {
    if (method !== 'POST') await call('POST', '/api/v1/namespaces/default/configmaps', configMap('large'))
    const turnsOf = async (length: number) => {
      let turns = 0
      const pause = async () => void turns++
      const bytes = new TextEncoder().encode(JSON.stringify(configMap('large', { k: 'x'.repeat(length) })))
      const query = new URLSearchParams(`fieldManager=m&dryRun=All${type.includes('apply') ? '&force=true' : ''}`)
      const headers = { 'content-type': type }
      const more = { method, headers, query, user: admin, body: async () => ({ bytes }), pause }
      await api.server.handle(request(path, more))
      return turns
    }
    expect(await turnsOf(100)).toBe(0)
    expect(await turnsOf(100_000)).toBeGreaterThanOrEqual(4)
  })

  it('lets roles decide for everybody else', async () => {
    const list = () =>
      api.server.handle(request('/api/v1/namespaces/default/pods', { user: { name: 'ann', groups: [] } }))
    expect((await list()).status).toBe(403)
    const metadata = { name: 'reader', namespace: 'default' }
    const apiVersion = 'rbac.authorization.k8s.io/v1'
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }]
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }]
    const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
    await call('POST', `${path}/roles`, { kind: 'Role', apiVersion, metadata, rules })
    await call('POST', `${path}/rolebindings`, { kind: 'RoleBinding', apiVersion, metadata, roleRef, subjects })
    expect((await list()).status).toBe(200)
  })
})
