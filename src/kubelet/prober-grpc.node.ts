/** Probes by gRPC: one question over a connection of its own, HTTP/2 in plain text, as the kubelet asks it. */
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'
import { isIPv6 } from 'node:net'
import { HEALTH_PATH, type HealthAnswer, healthOf, healthRequest } from './grpc-health.ts'
import type { GrpcProbeRequest } from './prober.ts'

/** gRPC's Go library tries again this long after a connection that did not come about, in ms. */
const RECONNECT_MS = 1_000
/** Bytes of an answer that are kept: a health answer has two. */
const BODY_BYTES_MAX = 10 * 1024

/** Resolves to what the service is said to be. Rejects, with the kubelet's words, when nothing is said in time. */
export async function probeGrpc({ host, port, service, timeoutMs }: GrpcProbeRequest): Promise<string> {
  const address = `${isIPv6(host) ? `[${host}]` : host}:${port}`
  const within = `${timeoutMs / 1000}s`
  let session: ClientHttp2Session | undefined
  let retry: NodeJS.Timeout | undefined
  let isConnected = false
  return new Promise<string>((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer)
      clearTimeout(retry)
      const last = session
      session = undefined
      last?.destroy()
      settle()
    }
    const timer = setTimeout(() => {
      const why = isConnected
        ? `timeout: health rpc did not complete within ${within}`
        : `timeout: failed to connect service ${JSON.stringify(address)} within ${within}: context deadline exceeded`
      finish(() => reject(new Error(why)))
    }, timeoutMs)
    const dial = () => {
      const attempt = connect(`http://${address}`)
      session = attempt
      attempt.on('error', () => {})
      attempt.once('close', () => {
        // What breaks before the server has introduced itself is tried again; afterwards the question itself fails.
        if (session === attempt && !isConnected) retry = setTimeout(dial, RECONNECT_MS)
      })
      attempt.once('remoteSettings', () => {
        isConnected = true
        ask(attempt, service, timeoutMs).then(
          (answer) =>
            finish(() => {
              try {
                resolve(healthOf(answer))
              } catch (error) {
                reject(error as Error)
              }
            }),
          (error: Error) =>
            finish(() =>
              reject(
                new Error(`error: health rpc probe failed: rpc error: code = Unavailable desc = ${error.message}`),
              ),
            ),
        )
      })
    }
    dial()
  })
}

function ask(session: ClientHttp2Session, service: string, timeoutMs: number): Promise<HealthAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': HEALTH_PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36 grpc-go/1.72.2',
      'grpc-timeout': `${timeoutMs}m`,
    })
    let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {}
    let trailers: IncomingHttpHeaders = {}
    const chunks: Uint8Array[] = []
    let kept = 0
    stream.on('response', (received) => {
      headers = received
    })
    stream.on('trailers', (received) => {
      trailers = received
    })
    stream.on('data', (bytes: Uint8Array) => {
      if (kept < BODY_BYTES_MAX) chunks.push(bytes)
      kept += bytes.length
    })
    stream.on('error', reject)
    stream.on('close', () => {
      if (headers[':status'] === undefined) return reject(new Error('error reading from server: EOF'))
      resolve({
        httpStatus: headers[':status'],
        grpcStatus: one(trailers['grpc-status'] ?? headers['grpc-status']),
        grpcMessage: one(trailers['grpc-message'] ?? headers['grpc-message']),
        body: Buffer.concat(chunks),
      })
    })
    stream.end(healthRequest(service))
  })
}

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)
