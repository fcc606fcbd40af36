/** The proxy subresources over real sockets: a server in a pod, the API server before it, clients of HTTP/1.1, HTTP/2, WebSocket. */
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { ForwardAddress } from '../wire/exchange.ts'
import { type Answer, ask as askAnybody, pki, server, useServer } from './one-server.node.ts'

const admin = { authorization: 'Bearer admin-token' }
let backend: http.Server
let sockets: WebSocketServer
let port: number
let plain: http.Server
let plainPort: number
/** What is dialled next. */
let late: Promise<net.Socket> | undefined
const dialled: (string | ForwardAddress)[][] = []

/** Says what it was asked; some paths have answers of their own. */
function serve(request: http.IncomingMessage, response: http.ServerResponse): void {
  let body = ''
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text
  })
  request.on('end', () => {
    const { method, url, headers } = request
    if (url === '/moved') return response.writeHead(302, { location: '/there/' }).end()
    if (url === '/away') return response.writeHead(302, { location: 'http://example.org/' }).end()
    if (url === '/page')
      return response
        .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'access-control-allow-origin': '*' })
        .end('<a href="/one">\u00fcber</a>')
    if (url === '/long')
      return response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="/one">${'x'.repeat(5_000_000)}`)
    if (url === '/broken') return request.socket.destroy()
    if (url === '/teapot') return response.writeHead(418, { 'x-own': 'yes' }).end('short and stout')
    response.end(JSON.stringify({ method, url, headers, body }))
  })
}

beforeAll(async () => {
  backend = http.createServer(serve)
  sockets = new WebSocketServer({ server: backend })
  sockets.on('connection', (ws, request) => {
    ws.send(`${request.url} ${request.headers.authorization ?? 'no credentials'}`)
    ws.on('message', (data) => ws.send(`echo ${data}`))
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  port = (backend.address() as net.AddressInfo).port
  // Knows nothing of upgrades.
  plain = http.createServer(serve)
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  plainPort = (plain.address() as net.AddressInfo).port
})
afterAll(async () => {
  for (const client of sockets.clients) client.terminate()
  await new Promise((resolve) => backend.close(resolve))
  await new Promise((resolve) => plain.close(resolve))
})

useServer({
  sockets: {
    // Whatever the address, the backend is at 127.0.0.1.
    dialKubelet: (node, address) => {
      dialled.push([node, ...(address ? [address] : [])])
      if (late) return late
      return new Promise((resolve, reject) => {
        const socket = net.connect(address ? Number(address.port) : port, '127.0.0.1', () => resolve(socket))
        socket.once('error', reject)
      })
    },
  },
})

beforeAll(async () => {
  const create = async (path: string, object: object) => {
    const answer = await ask({ method: 'POST', path }, JSON.stringify({ apiVersion: 'v1', ...object }))
    expect(answer.text).not.toContain('"Failure"')
  }
  const node = { kind: 'Node', metadata: { name: 'node-1' } }
  await create('/api/v1/nodes', { ...node, status: { addresses: [{ type: 'InternalIP', address: '10.88.0.10' }] } })
  const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'i', ports: [{ containerPort: port }] }] }
  for (const [name, podIP] of Object.entries({
    web: '10.244.0.7',
    none: '',
    home: '127.0.0.1',
    meta: '169.254.169.254',
  })) {
    await create('/api/v1/namespaces/default/pods', { kind: 'Pod', metadata: { name }, spec })
    const status = JSON.stringify({ status: { podIP, podIPs: podIP ? [{ ip: podIP }] : [] } })
    const headers = { 'content-type': 'application/merge-patch+json' }
    await ask({ method: 'PATCH', path: `/api/v1/namespaces/default/pods/${name}/status`, headers }, status)
  }
  const services = '/api/v1/namespaces/default/services'
  const ports = [
    { name: 'http', port: 80 },
    { name: 'other', port: 81 },
  ]
  await create(services, { kind: 'Service', metadata: { name: 'web' }, spec: { ports } })
  await create(services, { kind: 'Service', metadata: { name: 'lone' }, spec: { ports: [{ port: 80 }] } })
  await create(services, { kind: 'Service', metadata: { name: 'empty' }, spec: { ports: [{ port: 80 }] } })
  const addresses = [{ ip: '10.244.0.7', nodeName: 'node-1' }]
  const endpoints = '/api/v1/namespaces/default/endpoints'
  const subset = (name: string | undefined) => ({ addresses, ports: [{ port, ...(name ? { name } : {}) }] })
  await create(endpoints, { kind: 'Endpoints', metadata: { name: 'web' }, subsets: [subset('http')] })
  await create(endpoints, { kind: 'Endpoints', metadata: { name: 'lone' }, subsets: [subset(undefined)] })
})

const ask = (options: https.RequestOptions, body?: string) =>
  askAnybody({ ...options, headers: { ...admin, ...(options.headers as object | undefined) } }, body)

const POD = '/api/v1/namespaces/default/pods'
const SERVICE = '/api/v1/namespaces/default/services'
const messageOf = ({ text }: Answer) => (JSON.parse(text) as { message: string }).message

describe('a proxy', () => {
  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'passes %s on, with path, query and body',
    async (method) => {
      const path = `${POD}/web/proxy/a%20b//c/?x=1&x=2`
      const length = method === 'GET' ? {} : { 'content-length': 4 }
      const headers = { 'x-mine': 'yes', accept: 'a/b', ...length }
      const answer = await ask({ method, path, headers }, method === 'GET' ? '' : 'body')
      expect(answer.status).toBe(200)
      const seen = JSON.parse(answer.text)
      expect(seen).toMatchObject({ method, url: '/a%20b//c/?x=1&x=2', body: method === 'GET' ? '' : 'body' })
      expect(seen.headers).toMatchObject({
        ...{ 'x-mine': 'yes', accept: 'a/b', host: `127.0.0.1:${server.port}` },
        'x-forwarded-uri': `${POD}/web/proxy/a%20b//c/`,
        'x-forwarded-for': '127.0.0.1',
      })
      expect(seen.headers.authorization).toBeUndefined()
    },
  )

  it.each(['POST', 'DELETE', 'OPTIONS'])('frames the body of %s, also one of unknown length', async (method) => {
    const headers = { 'transfer-encoding': 'chunked' }
    const body = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'
    const answer = await ask({ method, path: `${POD}/web/proxy/x`, headers }, body)
    expect(JSON.parse(answer.text)).toMatchObject({ method, url: '/x', body })
  })

  it('passes HEAD on, statuses and headers as they are', async () => {
    expect(await ask({ method: 'HEAD', path: `${POD}/web/proxy/teapot` })).toMatchObject({ status: 418, text: '' })
    const answer = await ask({ path: `${POD}/web/proxy/teapot` })
    expect(answer).toMatchObject({ status: 418, text: 'short and stout' })
    expect(answer.headers['x-own']).toBe('yes')
  })

  it('sends who asks for no path to the one with a slash', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask({ method, path: `${SERVICE}/lone/proxy?a=b` })
      expect([answer.status, answer.headers.location]).toEqual([301, `${SERVICE}/lone/proxy/?a=b`])
    }
    expect(JSON.parse((await ask({ method: 'POST', path: `${SERVICE}/lone/proxy` })).text)).toMatchObject({ url: '/' })
  })

  it('rewrites redirects and the links of pages', async () => {
    const location = async (path: string) => (await ask({ path: `${POD}/web/proxy${path}` })).headers.location
    expect(await location('/moved')).toBe(`${POD}/web/proxy/there/`)
    expect(await location('/away')).toBe('http://example.org/')
    const page = await ask({ path: `${POD}/web/proxy/page` })
    expect(page.text).toBe(`<a href="${POD}/web/proxy/one">\u00fcber</a>`)
    expect(page.headers['access-control-allow-origin']).toBeUndefined()
    const long = await ask({ path: `${POD}/web/proxy/long` })
    expect(long.text.length).toBe(15 + 5_000_000)
  })

  it('works over HTTP/2', async () => {
    const session = http2.connect(`https://127.0.0.1:${server.port}`, { ca: pki.ca })
    const stream = session.request({ ':method': 'POST', ':path': `${POD}/web/proxy/x`, ...admin })
    stream.end('body')
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    expect(JSON.parse(text)).toMatchObject({ method: 'POST', url: '/x', body: 'body' })
    session.close()
  })

  it('carries WebSockets', async () => {
    const url = `wss://127.0.0.1:${server.port}${SERVICE}/web:http/proxy/ws?a=b`
    const ws = new WebSocket(url, { ca: pki.ca, headers: admin })
    const said: string[] = []
    await new Promise<void>((resolve) => {
      ws.on('message', (data) => {
        said.push(String(data))
        if (said.length === 1) ws.send('x')
        else resolve()
      })
    })
    expect(said).toEqual(['/ws?a=b no credentials', 'echo x'])
    ws.close()
  })
})

it.each([{}, { connection: 'Upgrade', upgrade: 'websocket' }])(
  'a client that goes while its server is dialled leaves no connection behind (%j)',
  async (headers) => {
    const closed = new Promise<void>((resolve) => backend.once('connection', (socket) => socket.once('close', resolve)))
    let arrive = (_: net.Socket) => {}
    late = new Promise((resolve) => {
      arrive = resolve
    })
    dialled.length = 0
    const headersOfAll = { ...admin, ...headers }
    const options = { port: server.port, host: '127.0.0.1', ca: pki.ca, headers: headersOfAll }
    const request = https.request({ ...options, method: 'POST', path: `${POD}/web/proxy/x` })
    request.on('error', () => {})
    request.flushHeaders()
    while (dialled.length === 0) await new Promise((resolve) => setImmediate(resolve))
    request.destroy()
    await new Promise((resolve) => request.once('close', resolve))
    // The server has seen the end when it has answered whoever came after.
    await ask({ path: '/version' })
    const socket = net.connect(port, '127.0.0.1', () => arrive(socket))
    await closed
    late = undefined
  },
)

it('a server that does not switch protocols is heard out', async () => {
  const url = `wss://127.0.0.1:${server.port}${POD}/web/proxy/teapot`
  const ws = new WebSocket(url.replace('web/', `web:${plainPort}/`), { ca: pki.ca, headers: admin })
  const answer = await new Promise<http.IncomingMessage>((resolve) => {
    ws.on('unexpected-response', (_request, response) => resolve(response))
    ws.on('error', () => {})
  })
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  expect([answer.statusCode, answer.headers['x-own'], text]).toEqual([418, 'yes', 'short and stout'])
})

describe('what a name means', () => {
  it.each([
    [`${POD}/web`],
    [`${POD}/http:web:PORT`],
    [`${POD}/:web:PORT`],
    [`${POD}/web:PORT`],
    [`${SERVICE}/lone`],
    [`${SERVICE}/lone:80`],
    [`${SERVICE}/web:http`],
    [`${SERVICE}/web:80`],
    [`${SERVICE}/http:web:80`],
    ['/api/v1/nodes/node-1:PORT'],
  ])('%s', async (path) => {
    dialled.length = 0
    const answer = await ask({ path: `${path.replace('PORT', String(port))}/proxy/x` })
    expect(JSON.parse(answer.text)).toMatchObject({ url: '/x' })
    const host = path.includes('nodes') ? '10.88.0.10' : '10.244.0.7'
    expect(dialled).toEqual([['node-1', { scheme: 'http', host, port: String(port) }]])
  })

  it('a node alone is its kubelet', async () => {
    dialled.length = 0
    expect(JSON.parse((await ask({ path: '/api/v1/nodes/node-1/proxy/pods' })).text)).toMatchObject({ url: '/pods' })
    expect(dialled).toEqual([['node-1']])
  })

  it.each([
    [`${POD}/gone`, 404, 'pods "gone" not found'],
    [`${SERVICE}/gone:80`, 404, 'services "gone" not found'],
    ['/api/v1/nodes/gone', 404, 'nodes "gone" not found'],
    [`${POD}/a:b:c:d`, 400, 'invalid pod request "a:b:c:d"'],
    [`${SERVICE}/ftp:web:80`, 400, 'invalid service request "ftp:web:80"'],
    [`${SERVICE}/http::80`, 400, 'invalid service request "http::80"'],
    [`${SERVICE}/empty`, 503, 'no endpoints available for service "empty"'],
    [`${SERVICE}/web`, 503, 'no endpoints available for service "web"'],
    [`${SERVICE}/web:81`, 503, 'no endpoints available for service "web"'],
    [`${SERVICE}/web:82`, 503, 'no service port 82 found for service "web"'],
    [`${POD}/none`, 400, 'address not allowed'],
    [`${POD}/home`, 400, 'address not allowed'],
    [`${POD}/meta`, 400, 'address not allowed'],
    [`${POD}/web:0`, 503, 'error trying to reach service: address 0: invalid port'],
    [`${POD}/web:http`, 503, 'error trying to reach service: address http: invalid port'],
    [`${POD}/https:web:`, 503, 'error trying to reach service: http: server gave HTTP response to HTTPS client'],
    [`${POD}/web:1`, 503, 'error trying to reach service: dial tcp 10.244.0.7:1: connect: connection refused'],
  ])('%s is %i', async (path, status, message) => {
    const answer = await ask({ path: `${path}/proxy/` })
    expect([answer.status, messageOf(answer)]).toEqual([status, message])
  })

  it('a server that breaks off is 503', async () => {
    const answer = await ask({ path: `${POD}/web/proxy/broken` })
    expect([answer.status, messageOf(answer)]).toEqual([503, 'error trying to reach service: EOF'])
  })
})
