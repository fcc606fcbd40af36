import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { httpTransport, Lines } from './http.node.ts'
import { type Transport, TransportError, type WatchEvent } from './transport.ts'

let folder: string
let server: Server
let transport: Transport
let handle: RequestListener
let connections = 0

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ebb-http-'))
  const socketPath = join(folder, 'api.sock')
  server = createServer((request, response) => handle(request, response))
  connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  transport = await httpTransport({ socketPath, token: 'secret' })
})
afterEach(async () => {
  await transport.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

describe('over a Unix socket', () => {
  it('[HT1] [HT4] sends JSON and credentials, gives any status, keeps the connection', async () => {
    handle = async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { method, url, headers } = request
      response.writeHead(409, { 'content-type': 'application/json' })
      const body = Buffer.concat(chunks).toString()
      response.end(JSON.stringify({ method, url, type: headers['content-type'], auth: headers.authorization, body }))
    }
    for (let i = 0; i < 3; i++) {
      const answer = await transport.send({ method: 'POST', path: '/api/v1/x?y=1', body: { a: 'é' } })
      expect(answer.status).toBe(409)
      expect(answer.body).toEqual({
        method: 'POST',
        url: '/api/v1/x?y=1',
        type: 'application/json',
        auth: 'Bearer secret',
        body: '{"a":"é"}',
      })
    }
    expect(connections).toBe(1)
  })

  it('[HT4] closes an idle connection itself, a watch never', async () => {
    const brief = await httpTransport({ socketPath: join(folder, 'api.sock') }, 20)
    const closed: string[] = []
    handle = (request, response) => {
      request.socket.once('close', () => closed.push(request.url ?? ''))
      if (request.url === '/watch') response.writeHead(200).flushHeaders()
      else response.end('{}')
    }
    let ended = false
    await brief.watch({ method: 'GET', path: '/watch' }, { event() {}, end: () => (ended = true) })
    await brief.send({ method: 'GET', path: '/once' })
    await vi.waitFor(() => expect(closed).toEqual(['/once']))
    expect(ended).toBe(false)
    await brief.close()
  })

  it('[HT1] rejects when there is no answer', async () => {
    handle = (request) => request.socket.destroy()
    await expect(transport.send({ method: 'GET', path: '/x' })).rejects.toThrow(TransportError)
  })

  it('[HT4] tries once more when a kept connection was closed meanwhile, but never a POST', async () => {
    let requests = 0
    handle = (request, response) => {
      requests++
      if (requests % 2 === 0) request.socket.destroy()
      else response.end('ok')
    }
    const get = () => transport.send({ method: 'GET', path: '/x' })
    expect((await get()).body).toBe('ok')
    expect((await get()).body).toBe('ok')
    expect(requests).toBe(3)
    await expect(transport.send({ method: 'POST', path: '/x', body: {} })).rejects.toThrow(TransportError)
    expect(requests).toBe(4)
  })

  it('[HT3] ends a watch once: in order, broken, and stopped', async () => {
    const answers: Record<string, RequestListener> = {
      '/order': (_, response) => response.end('{"type":"ADDED","object":{"n":1}}\n{"type":"ADDED","object":{"n":2}}\n'),
      '/broken': (request, response) => {
        response.write('{"type":"ADDED","object":{"n":1}}\n{"type":"ADD', () => request.socket.destroy())
      },
      '/stopped': (_, response) => response.write('{"type":"ADDED","object":{"n":1}}\n'),
    }
    handle = (request, response) => answers[request.url ?? '']?.(request, response)
    const watch = async (path: string) => {
      const seen: unknown[] = []
      const ends: (Error | undefined)[] = []
      const opened = new Promise<void>((first) => {
        void new Promise<void>((resolve) => {
          void transport
            .watch(
              { method: 'GET', path },
              {
                event(event: WatchEvent<unknown>) {
                  seen.push(event.object)
                  first()
                },
                end(error) {
                  ends.push(error)
                  resolve()
                },
              },
            )
            .then(async ({ stop }) => {
              await opened
              if (path === '/stopped') stop()
            })
        }).then(first)
      })
      await opened
      await expect.poll(() => ends.length).toBe(1)
      return { seen, end: ends[0] }
    }
    expect(await watch('/order')).toEqual({ seen: [{ n: 1 }, { n: 2 }], end: undefined })
    const broken = await watch('/broken')
    expect(broken.seen).toEqual([{ n: 1 }])
    expect(broken.end).toBeInstanceOf(TransportError)
    expect(await watch('/stopped')).toEqual({ seen: [{ n: 1 }], end: undefined })
  })

  it('gives the body of a watch that is refused, and bytes as they come', async () => {
    handle = (request, response) => {
      if (request.url === '/log') return response.end('line\n')
      response.writeHead(403, { 'content-type': 'application/json' })
      return response.end('{"kind":"Status"}')
    }
    const refused = await transport.watch({ method: 'GET', path: '/x' }, { event() {}, end() {} })
    expect(refused).toMatchObject({ status: 403, body: { kind: 'Status' } })
    const { bytes } = await transport.stream({ method: 'GET', path: '/log' })
    const chunks: Uint8Array[] = []
    for await (const chunk of bytes) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe('line\n')
  })

  it('stops when the signal of a request aborts', async () => {
    handle = () => {}
    const abort = new AbortController()
    const sent = transport.send({ method: 'GET', path: '/x', signal: abort.signal })
    abort.abort()
    await expect(sent).rejects.toThrow(TransportError)
  })
})

it('[HT2] cuts lines wherever the chunks fall', () => {
  const text = '{"a":"äöü"}\n\n{"b":2}\n{"c":3}\n'
  const bytes = Buffer.from(text)
  for (let size = 1; size <= bytes.length; size++) {
    const lines: string[] = []
    const cutter = new Lines((line) => lines.push(line))
    for (let at = 0; at < bytes.length; at += size) cutter.push(bytes.subarray(at, at + size))
    expect(lines).toEqual(['{"a":"äöü"}', '{"b":2}', '{"c":3}'])
  }
})
