import { spawn } from 'node:child_process'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { BODY_BYTES_MAX } from './bodies.node.ts'
import { type Answer, api, ask, folder, pki, plainSocket, server, tlsSocket, useServer } from './one-server.node.ts'

const kubeletSocket = join(folder, 'kubelet.sock')
const admin = { authorization: 'Bearer admin-token' }

let kubelet: http.Server

/** What the kubelet was asked, without an upgrade and with one. */
const asked: string[] = []
const upgraded: http.IncomingMessage[] = []

/** A kubelet that says which path it was asked for, and echoes what comes over a WebSocket. */
function startKubelet(): Promise<http.Server> {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false })
  const started = http.createServer((request, response) => {
    asked.push(request.url ?? '')
    if (request.url?.includes('previous')) response.writeHead(400).end('previous terminated container not found\n')
    else response.end(`asked for ${request.url}`)
  })
  started.on('upgrade', (request, socket, head) => {
    upgraded.push(request)
    socket.on('end', () => socket.destroy()).resume()
    if (request.url?.includes('rude')) return socket.end('\0 no HTTP at all')
    if (request.url?.includes('refused'))
      return void socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\nno!\n')
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.send(`asked for ${request.url} with ${request.headers.authorization ?? 'no credentials'}`)
      ws.on('message', (data) => ws.send(`echo ${data}`))
      ws.on('error', () => {})
    })
  })
  return new Promise((resolve) => started.listen(kubeletSocket, () => resolve(started)))
}

beforeAll(async () => {
  kubelet = await startKubelet()
})
afterAll(() => new Promise<void>((resolve) => kubelet.close(() => resolve())))

useServer({
  sockets: {
    dialKubelet: (node) =>
      new Promise((resolve, reject) => {
        if (node !== 'node-1') return reject(new Error(`no such node ${node}`))
        const socket = net.connect(kubeletSocket, () => resolve(socket))
        socket.once('error', reject)
      }),
  },
})

const json = (answer: Answer) => JSON.parse(answer.text)

/**
 * Patches an object, and lists it, over one connection: the head and the body of a request, and the answers, lie about the border
 * of one TLS record, 16 KiB.
 */
const KEEPING_CLIENT = `
import https from 'node:https'
const [port, ca] = process.argv.slice(1)
const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca })
const path = '/api/v1/namespaces/kube-public/configmaps'
const ask = (options, body = '') => new Promise((resolve) => {
  const headers = { authorization: 'Bearer admin-token', 'content-length': body.length, 'content-type': 'application/merge-patch+json' }
  const request = https.request({ port, agent, headers, ...options }, (response) =>
    response.resume().on('end', () => resolve(response.statusCode)))
  request.on('error', (error) => resolve(error.message))
  request.end(body)
})
for (let length = 15_900; length < 16_700; length += 7) {
  const patched = await ask({ method: 'PATCH', path: path + '/long' }, JSON.stringify({ data: { a: 'x'.repeat(length) } }))
  const listed = length % 2 ? 200 : await ask({ path })
  if (patched !== 200 || listed !== 200) console.log(length, patched, listed)
}
console.log('done')
process.exit()
`

describe('HTTPS', () => {
  it('lets nobody in particular see health and version, and nothing else', async () => {
    expect(await ask({ path: '/healthz' })).toMatchObject({ status: 200, text: 'ok' })
    expect(json(await ask({ path: '/version' }))).toMatchObject({ major: '1', minor: '36' })
    const refused = await ask({ path: '/api/v1/namespaces' })
    expect(refused.status).toBe(403)
    expect(json(refused).message).toBe(
      'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope',
    )
  })

  it('refuses a wrong token with 401', async () => {
    const answer = await ask({ path: '/api/v1/namespaces', headers: { authorization: 'Bearer wrong' } })
    expect(answer.status).toBe(401)
    expect(json(answer)).toMatchObject({ kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized' })
  })

  it('knows the administrator by token and by certificate', async () => {
    expect((await ask({ path: '/api/v1/namespaces', headers: admin })).status).toBe(200)
    expect((await ask({ path: '/api/v1/namespaces', cert: pki.admin.cert, key: pki.admin.key })).status).toBe(200)
  })

  it('names the length of objects and lists', async () => {
    const one = await ask({ path: '/api/v1/namespaces/default', headers: admin })
    expect(one.headers['content-length']).toBe(String(Buffer.byteLength(one.text)))
    const list = await ask({ path: '/api/v1/namespaces', headers: admin })
    expect(list.headers['content-length']).toBe(String(Buffer.byteLength(list.text)))
    // As Kubernetes writes them: a shell's next prompt stands on a line of its own.
    const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1'
    const tables = await Promise.all(
      ['/api/v1/namespaces', '/api/v1/namespaces/default'].map((path) => ask({ path, headers: { ...admin, accept } })),
    )
    for (const { text } of [one, list, ...tables]) expect(text).toMatch(/[^\n]\n$/)
    expect((await ask({ path: '/version' })).text).toMatch(/\}$/)
    expect(json(list).items).toHaveLength(4)
  })

  it('takes the next request of a kept connection, however long it and the answer before it are', async () => {
    const path = '/api/v1/namespaces/kube-public/configmaps'
    const headers = { ...admin, 'content-type': 'application/json' }
    await ask({ method: 'POST', path, headers }, '{"metadata":{"name":"long"}}')
    // A process of its own: it has the answer before this one has heard that the socket took it.
    const client = spawn(process.execPath, ['--input-type=module', '-e', KEEPING_CLIENT, String(server.port), pki.ca])
    let said = ''
    client.stdout.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    await new Promise((resolve) => client.once('close', resolve))
    expect(said).toBe('done\n')
  })

  it('answers 413 to a body over the limit, announced or not', async () => {
    const path = '/api/v1/namespaces/default/configmaps'
    const headers = { ...admin, 'content-type': 'application/json' }
    const big = Buffer.alloc(BODY_BYTES_MAX + 1, 0x20)
    const announced = await ask({ method: 'POST', path, headers }, big)
    expect(announced.status).toBe(413)
    expect(json(announced).reason).toBe('RequestEntityTooLarge')
    const chunked = await ask({ method: 'POST', path, headers: { ...headers, 'transfer-encoding': 'chunked' } }, big)
    expect(chunked.status).toBe(413)
  })

  it('speaks HTTP/2', async () => {
    const session = http2.connect(`https://127.0.0.1:${server.port}`, { ca: pki.ca })
    const stream = session.request({ ':path': '/api/v1/namespaces/default', ...admin })
    const headers = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('response', resolve))
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    expect((await headers)[':status']).toBe(200)
    expect(JSON.parse(text).metadata.name).toBe('default')
    await new Promise<void>((resolve) => session.close(resolve))
  })
})

describe('Unix sockets', () => {
  it('serve plain HTTP with a token', async () => {
    const answer = await ask({ socketPath: plainSocket, path: '/api/v1/namespaces/default', headers: admin })
    expect(json(answer).metadata.name).toBe('default')
    expect((await ask({ socketPath: plainSocket, path: '/api/v1/namespaces' })).status).toBe(403)
  })

  it('serve the TLS of the port', async () => {
    const raw = net.connect(tlsSocket)
    const socket = tls.connect({ socket: raw, ca: pki.ca, servername: 'kubernetes.default' })
    socket.write('GET /healthz HTTP/1.1\r\nhost: kubernetes.default\r\nconnection: close\r\n\r\n')
    let text = ''
    for await (const chunk of socket) text += chunk
    expect(text).toMatch(/^HTTP\/1.1 200 OK/)
    expect(text).toMatch(/ok$/)
  })
})

describe('a watch', () => {
  const path = '/api/v1/namespaces/default/configmaps?watch=true'

  it('delivers frames as things happen and goes with its client', async () => {
    const lines: string[] = []
    let wake = () => {}
    const request = https.get({ port: server.port, host: '127.0.0.1', ca: pki.ca, path, headers: admin, agent: false })
    request.on('error', () => {})
    request.on('response', (response) =>
      response.setEncoding('utf8').on('data', (chunk: string) => {
        lines.push(...chunk.split('\n').filter(Boolean))
        wake()
      }),
    )
    await new Promise((resolve) => request.once('response', resolve))
    const seen = (n: number) =>
      new Promise<void>((resolve) => {
        wake = () => lines.length >= n && resolve()
        wake()
      })
    const headers = { ...admin, 'content-type': 'application/json' }
    const body = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'w' } })
    await ask({ method: 'POST', path: '/api/v1/namespaces/default/configmaps', headers }, body)
    await ask({ method: 'DELETE', path: '/api/v1/namespaces/default/configmaps/w', headers })
    await seen(2)
    expect(lines.map((line) => JSON.parse(line).type)).toEqual(['ADDED', 'DELETED'])
    request.destroy()
  })

  it('runs over HTTP/2 too, and ends with its stream', async () => {
    const session = http2.connect(`https://127.0.0.1:${server.port}`, { ca: pki.ca })
    const stream = session.request({ ':path': '/api/v1/namespaces?watch=true&resourceVersion=0', ...admin })
    const first = await new Promise<string>((resolve) => stream.setEncoding('utf8').once('data', resolve))
    expect(JSON.parse(first.split('\n', 1)[0] ?? '').type).toBe('ADDED')
    const closed = new Promise((resolve) => stream.once('close', resolve))
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await closed
    expect(session.destroyed).toBe(false)
    await new Promise<void>((resolve) => session.close(resolve))
  })

  it('that nobody reads is closed with 410, and costs the others nothing', async () => {
    const open = (reading: boolean) => {
      const socket = tls.connect({ port: server.port, host: '127.0.0.1', ca: pki.ca })
      socket.write(
        `GET ${path}&fieldSelector=metadata.namespace%3Ddefault HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin-token\r\n\r\n`,
      )
      let text = ''
      const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.setEncoding('utf8')
      const begun = new Promise<void>((resolve) =>
        socket.once('data', (chunk: string) => {
          text += chunk
          if (!reading) socket.pause()
          resolve()
        }),
      )
      const read = () =>
        socket.on('data', (chunk: string) => {
          text += chunk
        })
      return { socket, begun, ended, read, text: () => text }
    }
    const stuck = open(false)
    const well = open(true)
    await Promise.all([stuck.begun, well.begun])
    well.read()
    const configMaps = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
    const data = { big: 'x'.repeat(512 * 1024) }
    const events = 60
    const seen = () => well.text().split('"type":"ADDED"').length - 1
    for (let i = 0; i < events; i++) {
      const metadata = { name: `big-${i}`, namespace: 'default' }
      await api.client.create(configMaps, { kind: 'ConfigMap', apiVersion: 'v1', metadata, data } as never)
      await vi.waitFor(() => expect(seen()).toBe(i + 1), { timeout: 10_000, interval: 1 })
    }
    stuck.read()
    stuck.socket.resume()
    await vi.waitFor(() => expect(stuck.text()).toContain('"type":"ERROR"'), 10_000)
    expect(stuck.text()).toContain('"code":410')
    expect(well.text()).not.toContain('"type":"ERROR"')
    stuck.socket.destroy()
    well.socket.destroy()
    await Promise.all([stuck.ended, well.ended])
  })

  it('ends after timeoutSeconds', async () => {
    const answer = await ask({ path: `${path}&timeoutSeconds=1`, headers: admin })
    expect(answer.status).toBe(200)
  })
})

describe('the kubelet of a node', () => {
  const pod = (name: string, nodeName: string) => ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName,
      containers: [
        { name: 'c', image: 'x' },
        { name: 'd', image: 'x' },
      ],
    },
  })

  beforeAll(async () => {
    const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }
    const nodes = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false }
    for (const name of ['node-1', 'node-2'])
      await api.client.create(nodes, { kind: 'Node', apiVersion: 'v1', metadata: { name } })
    await api.client.create(pods, pod('p', 'node-1'))
    await api.client.create(pods, pod('lost', 'node-2'))
  })

  it('is asked for logs under its own path', async () => {
    const path = '/api/v1/namespaces/default/pods/p/log?container=d&tailLines=5'
    expect(await ask({ path, headers: admin })).toMatchObject({
      status: 200,
      text: 'asked for /containerLogs/default/p/d?tailLines=5',
    })
  })

  it('has its refusals passed on as a Status', async () => {
    const path = '/api/v1/namespaces/default/pods/p/log?container=d&previous=true'
    const answer = await ask({ path, headers: admin })
    expect(answer.status).toBe(400)
    expect(json(answer)).toMatchObject({ reason: 'BadRequest', message: 'previous terminated container not found' })
  })

  it('is named when it cannot be reached', async () => {
    const answer = await ask({ path: '/api/v1/namespaces/default/pods/lost/log?container=c', headers: admin })
    expect(answer.status).toBe(500)
    expect(json(answer).message).toContain('no such node node-2')
  })

  it('gets an exec as a WebSocket, both ways, without the credentials', async () => {
    const url = `wss://127.0.0.1:${server.port}/api/v1/namespaces/default/pods/p/exec?command=ls&command=-l&stdout=true&container=c`
    const socket = new WebSocket(url, ['v5.channel.k8s.io'], { ca: pki.ca, headers: admin })
    const messages: string[] = []
    const two = new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('message', (data) => {
        messages.push(String(data))
        if (messages.length === 1) socket.send('hello')
        else resolve()
      })
    })
    await two
    expect(socket.protocol).toBe('v5.channel.k8s.io')
    expect(messages).toEqual([
      'asked for /exec/default/p/c?output=1&command=ls&command=-l with no credentials',
      'echo hello',
    ])
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.close()
    await closed
  })

  it.each([
    [{}, 'Upgrade request required'],
    [
      { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
      'unable to upgrade to SPDY/3.1: ebb streams over WebSocket, as kubectl 1.31 and newer do',
    ],
  ])('is not asked for a stream that cannot be had: %j', async (headers, message) => {
    const path = '/api/v1/namespaces/default/pods/p/exec?command=ls&container=c'
    const answer = await ask({ path, method: 'POST', headers: { ...admin, ...headers } })
    expect(answer.status).toBe(400)
    expect(json(answer)).toMatchObject({ kind: 'Status', reason: 'BadRequest', message })
  })

  /** What comes back over a socket on which an exec is asked for by hand, until the server closes it. */
  async function exec(command: string, after: Buffer | string = '', headers = ''): Promise<string> {
    const socket = tls.connect({ port: server.port, host: '127.0.0.1', ca: pki.ca })
    socket.write(
      `GET /api/v1/namespaces/default/pods/p/exec?container=c&command=${command} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin-token\r\n` +
        `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`,
    )
    socket.write(after)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    await new Promise((resolve) => socket.once('close', resolve))
    return text
  }

  it('answers nothing else on a connection whose upgrade it refused', async () => {
    const more = 'GET /containerLogs/kube-system/other/c HTTP/1.1\r\nhost: x\r\n\r\n'
    const text = await exec('refused', more)
    expect(text).toMatch(/^HTTP\/1.1 400 Bad Request\r\n.*"message":"no!"/s)
    expect(asked.filter((path) => path.includes('other'))).toEqual([])
  })

  it('that speaks no HTTP is said to be unreachable', async () => {
    expect(await exec('rude')).toMatch(/^HTTP\/1.1 500 .*error dialing node node-1/s)
  })

  it('gets neither a token that came as a protocol nor headers that are not for it', async () => {
    const secret = 'base64url.bearer.authorization.k8s.io.c2VjcmV0'
    const headers = `sec-websocket-protocol: ${secret}, v5.channel.k8s.io\r\nx-remote-user: admin\r\n`
    await exec('x', Buffer.from([0x88, 0x80, 0, 0, 0, 0]), headers)
    const got = upgraded.at(-1)?.headers
    expect(got?.['sec-websocket-protocol']).toBe('v5.channel.k8s.io')
    expect(JSON.stringify(got)).not.toMatch(/c2VjcmV0|admin/)
  })

  it.each([
    ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0]],
    ['no mask', [0x81, 0x01, 0x41]],
    ['reserved bits', [0xf1, 0x80, 0, 0, 0, 0]],
    ['a bad close code', [0x88, 0x82, 0, 0, 0, 0, 0, 1]],
    ['text that is no UTF-8', [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff]],
    ['a length beyond all', [0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    ['a control frame too long', [0x89, 0xfe, 0, 200, 0, 0, 0, 0, ...Array(200).fill(0)]],
    ['a continuation of nothing', [0x80, 0x80, 0, 0, 0, 0]],
  ])('may be sent %s in a stream: the stream ends, both its sockets go', async (_, frame) => {
    const before = server.connections
    expect(await exec('x', Buffer.from(frame))).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/)
    await vi.waitFor(() => expect(server.connections).toBeLessThanOrEqual(before))
    await vi.waitFor(async () => {
      const open = await new Promise((resolve) => kubelet.getConnections((_error, count) => resolve(count)))
      expect(open).toBe(0)
    })
  })

  it('is not bothered with an upgrade that the chain refuses', async () => {
    const url = `wss://127.0.0.1:${server.port}/api/v1/namespaces/default/pods/p/exec?command=ls&container=c`
    const socket = new WebSocket(url, ['v5.channel.k8s.io'], { ca: pki.ca })
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode)
        response.destroy()
      })
      socket.on('error', () => {})
    })
    expect(status).toBe(403)
  })
})
