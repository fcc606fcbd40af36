/** The load's HTTP client over node:http, through any way of opening connections: a host and port, or a relay. */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Answer, HttpClient, RequestOutcome } from './load.ts'

/** Header in which the built-in echo program, or any other, says which pod it is. */
const POD_HEADER = 'x-pod-name'

export interface HttpClientOptions {
  /** Opens a connection; resolves when it is established, rejects with an error that has a `code`. */
  readonly connect: () => Promise<Socket>
  /** Path with query. Default `/`. */
  readonly path?: string
  /** The Host header. */
  readonly host: string
}

/** Connects to `host:port` by TCP. */
export function dialTcp(host: string, port: number): () => Promise<Socket> {
  return () =>
    new Promise((resolve, reject) => {
      const socket = connectTcp({ host, port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(socket)
      })
    })
}

export function httpClient(options: HttpClientOptions): HttpClient {
  const agent = new Agent({ keepAlive: true, scheduling: 'fifo' })
  const open = (_: unknown, done: (error: Error | null, socket?: Duplex) => void): undefined => {
    options.connect().then(
      (socket) => done(null, socket),
      (error: Error) => done(error),
    )
    return undefined
  }
  Object.assign(agent, { createConnection: open })
  return {
    send: ({ kind, timeoutMs }) =>
      exchange(
        request({
          host: options.host,
          path: options.path ?? '/',
          headers: { host: options.host },
          ...(kind === 'new' ? { createConnection: open as never } : { agent }),
        }),
        timeoutMs,
      ),
    close: () => agent.destroy(),
  }
}

/** Which pod a kept connection leads to, learnt from its answers. */
const podOf = new WeakMap<Duplex, string>()

function exchange(outgoing: ClientRequest, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    let answer: IncomingMessage | undefined
    let connectedTo: string | undefined
    let over = false
    const settle = (outcome: RequestOutcome, error?: string) => {
      if (over) return
      over = true
      clearTimeout(timer)
      if (outcome !== 'ok' && outcome !== 'status') outgoing.destroy()
      const pod = answer?.headers[POD_HEADER]
      resolve({
        outcome,
        reused: outgoing.reusedSocket,
        ...(answer?.statusCode === undefined ? {} : { status: answer.statusCode }),
        ...(error === undefined ? {} : { error }),
        ...(typeof pod === 'string' ? { pod } : {}),
        ...(connectedTo === undefined ? {} : { connectedTo }),
      })
    }
    const timer = setTimeout(() => settle('timeout'), timeoutMs)
    outgoing.on('socket', (socket) => {
      connectedTo = podOf.get(socket)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (answer) settle('cut', error.code)
      else settle(error.code === 'ECONNREFUSED' ? 'refused' : 'reset', error.code ?? error.message)
    })
    outgoing.on('response', (response) => {
      answer = response
      const pod = response.headers[POD_HEADER]
      if (typeof pod === 'string' && response.socket) podOf.set(response.socket, pod)
      response.resume()
      response.on('end', () => settle((response.statusCode ?? 0) >= 500 ? 'status' : 'ok'))
      response.on('error', (error: NodeJS.ErrnoException) => settle('cut', error.code))
      response.on('close', () => settle('cut', 'closed'))
    })
    outgoing.end()
  })
}
