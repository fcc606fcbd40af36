/** Real probes, from the network in which this process lives. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createConnection, isIPv6 } from 'node:net'
import type { HttpProbeRequest, Prober } from './prober.ts'

const BODY_BYTES_MAX = 10 * 1024
/** Longest wait that a timer can take, in ms. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1

export const machineProber: Prober = {
  http: probeHttp,
  tcp: probeTcp,
  // Loaded for the first who asks: HTTP/2 takes 4 MB of a node's memory, and few probe so.
  grpc: async (probe) => (await import('./prober-grpc.node.ts')).probeGrpc(probe),
}

const hostPort = (host: string, port: number) => `${isIPv6(host) ? `[${host}]` : host}:${port}`

function probeHttp(probe: HttpProbeRequest): Promise<{ status: number; body: string }> {
  const { scheme, host, port, headers, timeoutMs, signal } = probe
  const path = probe.path.startsWith('/') ? probe.path : `/${probe.path}`
  const url = `${scheme.toLowerCase()}://${hostPort(host, port)}${path}`
  const request = scheme === 'HTTPS' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host,
      port,
      path,
      method: 'GET',
      agent: false,
      // A probe asks whether it answers, not who it is.
      rejectUnauthorized: false,
      headers: { connection: 'close', ...Object.fromEntries(headers.map(({ name, value }) => [name, value])) },
      ...(signal ? { signal } : {}),
    })
    const fail = (why: string) => {
      clearTimeout(timer)
      outgoing.destroy()
      reject(new Error(`Get ${JSON.stringify(url)}: ${why}`))
    }
    const timer = setTimeout(
      () => fail('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'),
      Math.min(timeoutMs, TIMEOUT_MAX_MS),
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(dialWords(error, hostPort(host, port))))
    outgoing.on('response', (response) => {
      void readBody(response).then((body) => {
        clearTimeout(timer)
        outgoing.destroy()
        resolve({ status: response.statusCode ?? 0, body })
      })
    })
    outgoing.end()
  })
}

/** The beginning of the body; a broken one is as good as its beginning. */
function readBody(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let body = ''
    const done = () => resolve(body)
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      body += text
      if (body.length >= BODY_BYTES_MAX) done()
    })
    response.on('end', done)
    response.on('error', done)
    response.on('close', done)
  })
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port })
    const finish = (why?: string) => {
      clearTimeout(timer)
      socket.destroy()
      if (why === undefined) resolve()
      else reject(new Error(why))
    }
    const address = hostPort(host, port)
    const timer = setTimeout(() => finish(`dial tcp ${address}: i/o timeout`), timeoutMs)
    socket.on('connect', () => finish())
    socket.on('error', (error: NodeJS.ErrnoException) => finish(dialWords(error, address)))
  })
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
}

/** A failure in the words of Go's net package. */
function dialWords(error: NodeJS.ErrnoException, address: string): string {
  const reason = REASONS[error.code ?? '']
  if (reason) return `dial tcp ${address}: connect: ${reason}`
  if (error.code === 'ECONNRESET') return error.message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer'
  return error.message
}
