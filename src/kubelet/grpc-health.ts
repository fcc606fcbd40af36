/** The gRPC health protocol on the wire (grpc.health.v1.Health/Check), and failures in the words of gRPC's Go library. Pure. */

export const HEALTH_PATH = '/grpc.health.v1.Health/Check'

const HEALTH_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
const CODES = [
  ...['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists'],
  ...['PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented'],
  ...['Internal', 'Unavailable', 'DataLoss', 'Unauthenticated'],
] as const

/** Bytes before each message: whether it is compressed, and its length. */
const HEAD_BYTES = 5

/** The question about `service`: a message with its name as field 1, nothing for the server as a whole. */
export function healthRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service)
  const message = name.length === 0 ? [] : [0x0a, ...varint(name.length), ...name]
  const bytes = new Uint8Array(HEAD_BYTES + message.length)
  new DataView(bytes.buffer).setUint32(1, message.length)
  bytes.set(message, HEAD_BYTES)
  return bytes
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}

/** What a server has answered: trailers may stand in the headers, when there is no message. */
export interface HealthAnswer {
  readonly httpStatus: number
  readonly grpcStatus: string | undefined
  readonly grpcMessage: string | undefined
  readonly body: Uint8Array
}

/**
 * `SERVING`, `NOT_SERVING`, ...: what the service is said to be. Throws an Error for an answer that says nothing about it, in the
 * words of a kubelet.
 */
export function healthOf({ httpStatus, grpcStatus, grpcMessage, body }: HealthAnswer): string {
  if (grpcStatus === undefined) {
    const code = httpStatus === 404 ? 'Unimplemented' : httpStatus === 200 ? 'Internal' : 'Unknown'
    const why =
      httpStatus === 200
        ? 'server closed the stream without sending trailers'
        : `unexpected HTTP status code received from server: ${httpStatus}`
    throw refusal(code, why)
  }
  const code = CODES[Number(grpcStatus)] ?? `Code(${grpcStatus})`
  if (code !== 'OK') throw refusal(code, percentDecoded(grpcMessage ?? ''))
  const value = statusField(body.subarray(HEAD_BYTES))
  return HEALTH_NAMES[value] ?? String(value)
}

function refusal(code: string, why: string): Error {
  if (code === 'Unimplemented')
    return new Error(`error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${why}`)
  return new Error(`error: health rpc probe failed: rpc error: code = ${code} desc = ${why}`)
}

/** Field 1 of the answer, a number; 0 when it is absent. Fields that are not known are passed over. */
function statusField(message: Uint8Array): number {
  let at = 0
  const next = (): number => {
    let value = 0
    for (let shift = 0; at < message.length; shift += 7) {
      const byte = message[at++] as number
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return value
  }
  let found = 0
  while (at < message.length) {
    const tag = next()
    const kind = tag & 7
    if (kind === 0) {
      const value = next()
      if (tag >> 3 === 1) found = value
    } else {
      const length = kind === 2 ? next() : kind === 1 ? 8 : 4
      at += length
    }
  }
  return found
}

/** gRPC's messages stand in headers with all but printable ASCII as %XX. What is no such escape stays. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
