/**
 * exec and attach over WebSocket: a message a piece, which begins with its channel. Source: Kubernetes' channel.k8s.io protocols:
 * before v4 an error is a text and success is silence; v4 tells how it ended as a Status; v5 (KEP-4006) adds CLOSE, by which a
 * client ends stdin.
 */
import type { ExecSession } from './runtime.ts'
import { channelCodec, type StreamSocket } from './websocket.node.ts'

const CHANNELS = 'channel.k8s.io'
const V5 = `v5.${CHANNELS}`

/** Subprotocols spoken here; '': the client names none. */
export const STREAM_PROTOCOLS = [
  '',
  CHANNELS,
  `base64.${CHANNELS}`,
  `v4.${CHANNELS}`,
  `v4.base64.${CHANNELS}`,
  V5,
] as const

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const ERROR = 3
const RESIZE = 4
const CLOSE = 255

export interface StreamRequest {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
  /** For the message of a failure. */
  readonly command: readonly string[]
}

/** Reads the query: the kubelet's own names, and the API's. */
export function streamRequest(query: URLSearchParams): StreamRequest {
  const isSet = (...names: string[]) => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''))
  const tty = isSet('tty')
  return {
    stdin: isSet('input', 'stdin'),
    stdout: isSet('output', 'stdout'),
    stderr: isSet('error', 'stderr') && !tty,
    tty,
    command: query.getAll('command'),
  }
}

/** Tells the client that there is nothing to stream from. */
export function refuseStreams(socket: StreamSocket, why: string): Promise<void> {
  return finish(socket, failure(`unable to upgrade connection: ${why}`))
}

const DOING = { exec: 'executing command in', attach: 'attaching to' }

/**
 * Carries a session's streams until its program has ended or the client is gone; then tells how it ended: all output first. Of a
 * program that was only attached to that it ended is all that is told.
 */
export async function runStreams(
  socket: StreamSocket,
  verb: 'exec' | 'attach',
  request: StreamRequest,
  open: () => Promise<ExecSession>,
): Promise<void> {
  const codec = channelCodec(socket.protocol)
  // Tells the client that the connection stands.
  void socket.send(codec.encode(request.stdout ? STDOUT : request.stderr ? STDERR : ERROR, new Uint8Array(0)))
  let session: ExecSession
  try {
    session = await open()
  } catch (error) {
    return finish(socket, failure(`error ${DOING[verb]} container: ${(error as Error).message}`))
  }
  const left = () => session.kill()
  if (socket.gone.aborted) left()
  else socket.gone.addEventListener('abort', left)
  socket.listen((message) => {
    const { channel, bytes } = codec.decode(message)
    return takeMessage(session, socket.protocol, channel, bytes)
  })
  const copy = async (from: AsyncIterable<Uint8Array>, channel: number) => {
    for await (const bytes of from) {
      await socket.send(codec.encode(channel, bytes))
      if (socket.gone.aborted) return
    }
  }
  await Promise.all([
    request.stdout ? copy(session.stdout, STDOUT).catch(cutShort) : discard(session.stdout),
    request.stderr ? copy(session.stderr, STDERR).catch(cutShort) : discard(session.stderr),
  ])
  const code = await session.exit
  socket.gone.removeEventListener('abort', left)
  await finish(socket, code === 0 || verb === 'attach' ? SUCCESS : nonZero(code, request.command))
}

/** Output that broke off has ended; how the program did is told all the same. */
const cutShort = (): void => {}

export async function discard(from: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of from);
  } catch {
    // As good as its end.
  }
}

/** Channels that are none, and what is no size, are passed over, as in Kubernetes. */
function takeMessage(
  session: ExecSession,
  protocol: string,
  channel: number,
  bytes: Buffer,
): Promise<void> | undefined {
  if (channel === STDIN) return session.write(bytes)
  if (channel === RESIZE) resize(session, bytes.toString())
  else if (channel === CLOSE && protocol === V5 && bytes[0] === STDIN) session.closeStdin()
  return undefined
}

function resize(session: ExecSession, text: string): void {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown }
    if (isSize(Width) && isSize(Height)) session.resize(Width, Height)
  } catch {
    // Not a size.
  }
}

/** What a terminal takes: an unsigned 16-bit number. */
const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536

interface StreamStatus {
  readonly metadata: object
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly [more: string]: unknown
}

async function finish(socket: StreamSocket, status: StreamStatus): Promise<void> {
  const knowsStatus = /^v[45]\./.test(socket.protocol)
  const text = knowsStatus ? JSON.stringify(status) : (status.message ?? '')
  if (text) void socket.send(channelCodec(socket.protocol).encode(ERROR, Buffer.from(text)))
  await socket.close()
}

const SUCCESS: StreamStatus = { metadata: {}, status: 'Success' }

const nonZero = (code: number, command: readonly string[]): StreamStatus => ({
  metadata: {},
  status: 'Failure',
  message: `command terminated with non-zero exit code: error executing command [${command.join(' ')}], exit code ${code}`,
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
})

const failure = (message: string): StreamStatus => ({
  metadata: {},
  status: 'Failure',
  message: `Internal error occurred: ${message}`,
  reason: 'InternalError',
  details: { causes: [{ message }] },
  code: 500,
})
