/**
 * The kubelet's own HTTP server, on a Unix socket that only the API server reaches: it has checked who asks and what for.
 *
 *   GET /healthz, /pods, /runningpods
 *   GET /logs/...                                                    (node-logs.node.ts)
 *   GET /containerLogs/NAMESPACE/POD/CONTAINER?follow&tailLines&sinceSeconds&sinceTime&timestamps&previous&limitBytes
 *       (send-log.node.ts), also by WebSocket
 *   /exec/NAMESPACE/POD/CONTAINER?command&input&output&error&tty      WebSocket (streaming.node.ts)
 *   /attach/NAMESPACE/POD/CONTAINER?input&output&error&tty            WebSocket
 *   /portForward/NAMESPACE/POD                                       WebSocket (port-forward.node.ts)
 */
import { mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Pod } from '../api/types/core-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import { logPathOf } from './container-start.ts'
import type { Kubelet } from './kubelet.ts'
import { logContainer } from './log-container.ts'
import { logOptions } from './logs.ts'
import { sendNodeLogs } from './node-logs.node.ts'
import { FORWARD_PROTOCOLS, forwardedPorts, runPortForward } from './port-forward.node.ts'
import type { ContainerStatus, Runtime } from './runtime.ts'
import { LOG_PROTOCOLS, type LogSink, type LogSource, responseSink, sendLog, socketSink } from './send-log.node.ts'
import { refuseStreams, runStreams, STREAM_PROTOCOLS, streamRequest } from './streaming.node.ts'
import { chooseProtocol, type StreamSocket, webSocketAcceptor } from './websocket.node.ts'

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
    // Until the WebSocket has it, and after it was refused: a break ends this connection and nothing else.
    socket.on('error', () => socket.destroy())
    let isAccepted = false
    const acceptAs = (protocol: string) => {
      isAccepted = true
      return accept(request, socket, head, protocol)
    }
    upgrade(options, request, acceptAs).catch((error: Error) => {
      if (isAccepted) socket.destroy()
      else refuse(socket, error)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, () => {
      server.off('error', reject)
      // A connection that could not be accepted (EMFILE) is lost alone.
      server.on('error', () => {})
      resolve()
    })
  })
  lifetime.add('kubelet server', async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
}

const PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  exec: STREAM_PROTOCOLS,
  attach: STREAM_PROTOCOLS,
  portForward: FORWARD_PROTOCOLS,
  containerLogs: LOG_PROTOCOLS,
}

/** Throws before the upgrade for what cannot be. */
async function upgrade(
  options: KubeletServerOptions,
  request: IncomingMessage,
  acceptAs: (protocol: string) => Promise<StreamSocket>,
): Promise<void> {
  const { verb, path, query } = parse(request)
  const known = PROTOCOLS[verb]
  if (!known) throw new HttpError(404, '404 page not found')
  if (request.headers.upgrade?.toLowerCase() !== 'websocket')
    throw new HttpError(400, 'only WebSocket is spoken here: kubectl 1.31 or newer does so by itself')
  const protocol = chooseProtocol(request, known)
  if (protocol === undefined) {
    const names = known.map((name) => JSON.stringify(name)).join(' ')
    const asked = request.headers['sec-websocket-protocol']
    throw new HttpError(403, `requested protocol(s) are not supported: [${asked}]; supports [${names}]`)
  }
  const target = await findTarget(options, path, query)
  const accept = () => acceptAs(protocol)
  if (verb === 'containerLogs') return sendContainerLog(options, target, async () => socketSink(await accept()))
  if (verb === 'portForward') return forward(options, target, accept)
  return stream(options, { verb: verb as 'exec' | 'attach', target, accept })
}

type Accept = () => Promise<StreamSocket>

async function forward({ runtime }: KubeletServerOptions, { pod, all, query }: Target, accept: Accept): Promise<void> {
  const { namespace, name } = pod.metadata
  const ip = pod.status?.podIP
  if (!ip) throw new HttpError(500, `pod ${name} has no address`)
  const ports = forwardedPorts(query)
  if (!ports) throw new HttpError(400, 'query parameter "ports" must be a list of ports')
  const containerId = all.find((c) => c.state === 'running')?.id
  runPortForward(await accept(), { runtime, ip, containerId, pod: `pod ${namespace}/${name}` }, ports)
}

interface Stream {
  readonly verb: 'exec' | 'attach'
  readonly target: Target
  readonly accept: Accept
}

async function stream({ runtime }: KubeletServerOptions, { verb, target, accept }: Stream): Promise<void> {
  const life = target.lives[0]
  const socket = await accept()
  if (life?.state !== 'running')
    return refuseStreams(socket, `container not found (${JSON.stringify(target.container)})`)
  const wanted = streamRequest(target.query)
  const { command, tty, stdin } = wanted
  await runStreams(socket, verb, wanted, () =>
    verb === 'exec' ? runtime.exec(life.id, command, { tty, stdin }) : runtime.attach(life.id),
  )
}

function refuse(socket: Socket, error: Error): void {
  const status = error instanceof HttpError ? error.status : 500
  const body = `${error.message}\n`
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n`
  // Whatever the client goes on to send is not read.
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, () => socket.destroy())
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

type Documents = (options: KubeletServerOptions) => Promise<readonly [type: string, text: string]>

/** What is there without a pod in the path. Source: Kubernetes' pkg/kubelet/server. */
const DOCUMENTS: Readonly<Record<string, Documents>> = {
  healthz: async () => ['text/plain; charset=utf-8', 'ok'],
  pods: async ({ kubelet }) => podList(kubelet.list().map((pod) => ({ ...pod, status: kubelet.status(pod) }))),
  runningpods: async ({ runtime }) => {
    const containers = (await runtime.listContainers()).filter(({ state }) => state === 'running')
    const pods = (await runtime.listSandboxes()).map(({ id, config: { name, namespace, uid } }) => ({
      metadata: { name, namespace, uid },
      spec: { containers: containers.filter((c) => c.sandboxId === id).map((c) => ({ name: c.name, image: c.image })) },
      status: {},
    }))
    return podList(pods.filter(({ spec }) => spec.containers.length > 0))
  },
}

const podList = (items: readonly object[]) =>
  ['application/json', `${JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items })}\n`] as const

async function answer(options: KubeletServerOptions, request: IncomingMessage, response: ServerResponse) {
  try {
    const { verb, path, query } = parse(request)
    const answers = DOCUMENTS[verb]
    if (answers && path.every((part) => part === '')) {
      const [type, text] = await answers(options)
      response.writeHead(200, { 'content-type': type }).end(text)
      return
    }
    if (verb === 'logs' && (await sendNodeLogs(options.kubelet, path, response))) return
    if (verb !== 'containerLogs') throw new HttpError(404, '404 page not found')
    await sendContainerLog(options, await findTarget(options, path, query), async () => responseSink(response))
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
  const [verb = '', ...rest] = path.split('/').slice(1).map(decoded)
  return { verb, path: rest, query: new URLSearchParams(query) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new HttpError(400, `invalid URL escape in ${JSON.stringify(text)}`)
  }
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

/** `open` is called when it is known that there is a log. */
async function sendContainerLog(
  { kubelet, runtime, clock }: KubeletServerOptions,
  { pod, lives, query, container }: Target,
  open: () => Promise<LogSink>,
): Promise<void> {
  const { name = '' } = pod.metadata
  const options = readLogOptions(query, clock.now())
  const meant = logContainer(kubelet.status(pod), name, container, options.previous)
  if ('why' in meant) throw new HttpError(400, meant.why)
  const life = lives.find(({ id }) => meant.id.endsWith(`//${id}`))
  if (!life) throw new HttpError(500, `no container ${meant.id}`)
  const ended = new AbortController()
  const forget = runtime.subscribe((event) => {
    if (event.type === 'exited' && event.container.id === life.id) ended.abort()
  })
  if (life.state !== 'running') ended.abort()
  const path = `${kubelet.podDirectory(pod)}/logs/${logPathOf(container, life.attempt)}`
  const source: LogSource = { path, options, ended: ended.signal }
  try {
    await sendLog(source, await open())
  } finally {
    forget()
  }
}

function readLogOptions(query: URLSearchParams, nowMs: number) {
  try {
    return logOptions(query, nowMs)
  } catch (error) {
    throw new HttpError(400, (error as Error).message)
  }
}
