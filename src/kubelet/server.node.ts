/**
 * The kubelet's own HTTP server, on a Unix socket that only the API server reaches: it has checked who asks and what for.
 *
 *   GET /containerLogs/NAMESPACE/POD/CONTAINER?follow&tailLines&sinceSeconds&sinceTime&timestamps&previous&limitBytes
 *   /exec/NAMESPACE/POD/CONTAINER?command&input&output&error&tty      WebSocket (streaming.node.ts)
 *   /attach/NAMESPACE/POD/CONTAINER?input&output&error&tty            WebSocket
 *   /portForward/NAMESPACE/POD                                       WebSocket (port-forward.node.ts)
 */
import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Pod } from '../api/types/core-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import { logPathOf } from './container-start.ts'
import type { Kubelet } from './kubelet.ts'
import { logContainer } from './log-container.ts'
import { readLog } from './logs.node.ts'
import { logOptions } from './logs.ts'
import { FORWARD_PROTOCOLS, runPortForward } from './port-forward.node.ts'
import type { ContainerStatus, Runtime } from './runtime.ts'
import { refuseStreams, runStreams, STREAM_PROTOCOLS, streamRequest } from './streaming.node.ts'

export interface KubeletServerOptions {
  readonly kubelet: Kubelet
  readonly runtime: Runtime
  readonly clock: Clock
  readonly socketPath: string
  readonly lifetime: Lifetime
}

/** Resolves when it listens. Ends with the lifetime; streams are cut then. */
export async function serveKubelet(options: KubeletServerOptions): Promise<void> {
  const { socketPath, lifetime } = options
  mkdirSync(dirname(socketPath), { recursive: true })
  rmSync(socketPath, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => void answer(options, request, response))
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const accept = webSocketAcceptor()
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    upgrade(options, request, () => accept(request, socket, head)).catch((error: Error) => refuse(socket, error))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
  lifetime.add('kubelet server', async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
}

interface Accepted {
  readonly socket: WebSocket
  /** The subprotocol agreed upon; '' when the client asked for none. */
  readonly protocol: string
}

/**
 * Accepts upgrades with the subprotocol that is liked best. The choice is made here: the name of kubectl's tunnel holds a slash,
 * which the WebSocket library takes for an error.
 */
function webSocketAcceptor() {
  const chosen = new WeakMap<IncomingMessage, string>()
  const server = new WebSocketServer({ noServer: true })
  server.on('headers', (headers, request) => {
    const protocol = chosen.get(request)
    if (protocol) headers.push(`Sec-WebSocket-Protocol: ${protocol}`)
  })
  return (request: IncomingMessage, socket: Socket, head: Buffer): Promise<Accepted> => {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim())
    const protocol = [...STREAM_PROTOCOLS, ...FORWARD_PROTOCOLS].find((known) => offered.includes(known)) ?? ''
    chosen.set(request, protocol)
    delete request.headers['sec-websocket-protocol']
    return new Promise((resolve) =>
      server.handleUpgrade(request, socket, head, (opened) => resolve({ socket: opened, protocol })),
    )
  }
}

/** exec, attach and port-forward. Throws before the upgrade for what cannot be. */
async function upgrade(options: KubeletServerOptions, request: IncomingMessage, accept: () => Promise<Accepted>) {
  const { runtime } = options
  const { verb, path, query } = parse(request)
  if (request.headers.upgrade?.toLowerCase() !== 'websocket')
    throw new HttpError(400, 'only WebSocket is spoken here: kubectl 1.31 or newer does so by itself')
  const { pod, lives, container, all } = await findTarget(options, path, query)
  if (verb === 'portForward') {
    const { namespace, name } = pod.metadata
    const ip = pod.status?.podIP
    if (!ip) throw new HttpError(500, `pod ${name} has no address`)
    const containerId = all.find((c) => c.state === 'running')?.id
    const { socket, protocol } = await accept()
    runPortForward(socket, { runtime, ip, containerId, pod: `pod ${namespace}/${name}`, protocol }, query)
    return
  }
  const life = lives[0]
  if (verb !== 'exec' && verb !== 'attach') throw new HttpError(404, '404 page not found')
  const { socket } = await accept()
  if (life?.state !== 'running') {
    await refuseStreams(socket, `container not found (${JSON.stringify(container)})`)
    return
  }
  const wanted = streamRequest(query)
  const { command, tty, stdin } = wanted
  await runStreams(socket, verb, wanted, () =>
    verb === 'exec' ? runtime.exec(life.id, command, { tty, stdin }) : runtime.attach(life.id),
  )
}

function refuse(socket: Socket, error: Error): void {
  const status = error instanceof HttpError ? error.status : 500
  const body = `${error.message}\n`
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

/** What a request is about, looked up. */
interface Target {
  readonly pod: Pod
  /** Lives of the container, the newest first. */
  readonly lives: readonly ContainerStatus[]
  /** Containers of the pod. */
  readonly all: readonly ContainerStatus[]
  readonly query: URLSearchParams
  readonly container: string
}

/** A failure with its HTTP status. */
class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function answer(options: KubeletServerOptions, request: IncomingMessage, response: ServerResponse) {
  try {
    const { verb, path, query } = parse(request)
    if (verb === 'healthz') {
      response.end('ok')
      return
    }
    if (verb !== 'containerLogs') throw new HttpError(404, '404 page not found')
    await sendLog(options, await findTarget(options, path, query), response)
  } catch (error) {
    if (response.headersSent) {
      response.destroy()
      return
    }
    response.writeHead(error instanceof HttpError ? error.status : 500, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(`${(error as Error).message}\n`)
  }
}

function parse(request: IncomingMessage): { verb: string; path: readonly string[]; query: URLSearchParams } {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2)
  const [verb = '', ...rest] = path.split('/').slice(1).map(decodeURIComponent)
  return { verb, path: rest, query: new URLSearchParams(query) }
}

/** Throws HttpError 404 for a pod that is not here. */
async function findTarget(
  { kubelet, runtime }: Pick<KubeletServerOptions, 'kubelet' | 'runtime'>,
  [namespace = '', name = '', container = '']: readonly string[],
  query: URLSearchParams,
): Promise<Target> {
  const pod = kubelet.find(namespace, name)
  if (!pod) throw new HttpError(404, `pod ${JSON.stringify(`${namespace}/${name}`)} not found`)
  const sandboxes = (await runtime.listSandboxes()).filter((s) => s.config.uid === pod.metadata.uid)
  const ids = new Set(sandboxes.map((s) => s.id))
  const all = (await runtime.listContainers()).filter((c) => ids.has(c.sandboxId) && c.state !== 'created')
  const lives = all.filter((c) => c.name === container).sort((a, b) => b.attempt - a.attempt)
  return { pod, lives, all, query, container }
}

async function sendLog(options: KubeletServerOptions, target: Target, response: ServerResponse): Promise<void> {
  const { kubelet, runtime, clock } = options
  const { pod, lives, query, container } = target
  const { name = '' } = pod.metadata
  const wanted = logOptions(query, clock.now())
  const meant = logContainer(kubelet.status(pod), name, container, wanted.previous)
  if ('why' in meant) throw new HttpError(400, meant.why)
  const life = lives.find(({ id }) => meant.id.endsWith(`//${id}`))
  if (!life) throw new HttpError(500, `no container ${meant.id}`)
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const ended = new AbortController()
  const forget = runtime.subscribe((event) => {
    if (event.type === 'exited' && event.container.id === life.id) ended.abort()
  })
  if (life.state !== 'running') ended.abort()
  const path = `${kubelet.podDirectory(pod)}/logs/${logPathOf(container, life.attempt)}`
  try {
    response.writeHead(200, { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' })
    response.flushHeaders()
    for await (const bytes of readLog(path, wanted, { ended: ended.signal, gone: gone.signal })) {
      if (gone.signal.aborted) return
      if (!response.write(bytes)) await drained(response)
    }
    response.end()
  } finally {
    forget()
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve)
    response.once('close', resolve)
  })
}
