/** What a page in the browser of this machine's user can do: it may send anything anywhere, and has no token. */
import type http from 'node:http'
import https from 'node:https'
import { afterAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { api, pki, server, useServer } from './one-server.node.ts'

const agent = new https.Agent({ keepAlive: true, maxSockets: 8 })
const asked: string[] = []

useServer({
  api: {
    documents: [
      ({ request }) => {
        if (request.path.startsWith('/ebb/')) asked.push(request.path)
        return undefined
      },
    ],
  },
})
afterAll(() => agent.destroy())

type Headers = Record<string, string>
const PAGES: readonly Headers[] = [
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  { origin: 'null' },
  // After DNS rebinding the page's own name leads here.
  { origin: 'https://evil.example:6443', host: 'evil.example:6443', 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
]

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
}

function ask(options: https.RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const where = {
      port: server.port,
      host: '127.0.0.1',
      ca: pki.ca,
      servername: '',
      agent: options.cert ? false : agent,
    }
    const { headers } = options
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const request = https.request(
      { ...where, ...options, headers: { ...headers, ...length } as Headers },
      (response) => {
        response.resume()
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

const pod = JSON.stringify({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'x', command: ['id'] }] },
})
const SIMPLE = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json',
]
const PATHS = [
  '/api/v1/namespaces/default/pods',
  '/api/v1/namespaces/default/pods/p/exec?command=id',
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
  '/apis/authentication.k8s.io/v1/tokenreviews',
  '/ebb/v1/relays',
  '/ebb/v1/images',
  '/ebb/v1/trace',
  '/ebb/v1/nodes/ebb-1/stop',
  '/livez',
  '/version',
  '/metrics',
  '/',
]
const READABLE = ['/livez', '/readyz', '/healthz', '/version']

describe.each(PAGES)('a browser page with %j', (page) => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('changes nothing with %s', async (method) => {
    const sent = PATHS.flatMap((path) => SIMPLE.map((type) => ({ path, type })))
    const answers = sent.map(async ({ path, type }) => {
      const { status, headers } = await ask({ method, path, headers: { ...page, 'content-type': type } }, pod)
      expect([401, 403, 404, 405], `${method} ${path} ${type}`).toContain(status)
      expect(headers['access-control-allow-origin']).toBe(undefined)
    })
    await Promise.all(answers)
    expect(asked).toEqual([])
    expect(api.registry.all(api.registry.find('', 'v1', 'pods') as never, '')).toEqual([])
  })

  it('reads health and version, and nothing else; a page of another origin not even their text', async () => {
    for (const path of [...READABLE, '/api', '/apis', '/openapi/v2', '/api/v1/secrets', '/metrics', '/ebb/v1/trace']) {
      const { status, headers } = await ask({ path, headers: page })
      expect([path, status]).toEqual([path, READABLE.includes(path) ? 200 : 403])
      expect(headers['access-control-allow-origin']).toBe(undefined)
    }
  })

  it('gets no WebSocket without a token', async () => {
    for (const path of [
      '/api/v1/namespaces/default/pods/p/exec?command=id',
      '/api/v1/pods?watch=true',
      '/ebb/v1/trace',
    ]) {
      const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, { ca: pki.ca, headers: page })
      const status = await new Promise((resolve) => {
        socket.on('error', () => {})
        socket.on('unexpected-response', (_request, response) => {
          resolve(response.statusCode)
          response.destroy()
        })
        socket.on('open', () => resolve('open'))
      })
      expect(status).toBe(403)
    }
  })

  it('is not the administrator because the browser shows that certificate', async () => {
    const shown = { cert: pki.admin.cert, key: pki.admin.key }
    const path = '/api/v1/namespaces'
    expect((await ask({ ...shown, path })).status).toBe(200)
    expect((await ask({ ...shown, path, headers: { 'sec-fetch-site': 'none' } })).status).toBe(200)
    expect((await ask({ ...shown, path, headers: page })).status).toBe(403)
    expect((await ask({ path, headers: { ...page, authorization: 'Bearer admin-token' } })).status).toBe(200)
    // A proxy that has the certificate answers for who may come through it.
    expect((await ask({ ...shown, path, headers: { ...page, 'x-forwarded-for': '127.0.0.1' } })).status).toBe(200)
  })
})
