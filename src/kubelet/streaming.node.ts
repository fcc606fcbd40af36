/**
 * exec and attach over WebSocket: one binary message a piece, its first byte the channel. Source: Kubernetes'
 * v4.channel.k8s.io and v5.channel.k8s.io (KEP-4006: v5 adds CLOSE, by which a client ends stdin).
 */
import type { WebSocket } from 'ws'
import type { ExecSession } from './runtime.ts'

/** Subprotocols spoken here, the preferred one first. */
export const STREAM_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const ERROR = 3
const RESIZE = 4
const CLOSE = 255

/** Bytes waiting to be sent to a slow client before its program has to wait; the same for a slow program's input. */
const BUFFERED_BYTES_MAX = 1024 * 1024

export interface StreamRequest {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
  /** For the message of a failure. */
  readonly command: readonly string[]
}

/** Tells the client that there is nothing to stream from. */
export function refuseStreams(socket: WebSocket, why: string): Promise<void> {
  return finish(socket, failure(`unable to upgrade connection: ${why}`))
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

const DOING = { exec: 'executing command in', attach: 'attaching to' }

/**
 * Carries a session's streams until its program has ended or the client is gone; then tells how it ended. Of a program that was
 * only attached to that it ended is all that is told.
 */
export async function runStreams(
  socket: WebSocket,
  verb: 'exec' | 'attach',
  request: StreamRequest,
  open: () => Promise<ExecSession>,
): Promise<void> {
  // Tells the client that the connection stands.
  await send(socket, request.stdout ? STDOUT : request.stderr ? STDERR : ERROR, new Uint8Array(0))
  const early: Buffer[] = []
  let receive = (message: Buffer): void => {
    early.push(message)
  }
  socket.on('message', (data: Buffer) => receive(data))
  let session: ExecSession
  try {
    session = await open()
  } catch (error) {
    await finish(socket, failure(`error ${DOING[verb]} container: ${(error as Error).message}`))
    return
  }
  let isOpen = true
  socket.on('close', () => {
    if (isOpen) session.kill()
  })
  const input = new Input(socket, session)
  receive = (message) => takeMessage(session, input, message)
  for (const message of early) takeMessage(session, input, message)
  const copies = [
    request.stdout ? copy(session.stdout, socket, STDOUT) : discard(session.stdout),
    request.stderr ? copy(session.stderr, socket, STDERR) : discard(session.stderr),
  ]
  try {
    await Promise.all(copies)
    const code = await session.exit
    isOpen = false
    await finish(socket, code === 0 || verb === 'attach' ? SUCCESS : nonZero(code, request.command))
  } catch (error) {
    isOpen = false
    session.kill()
    await finish(socket, failure((error as Error).message))
  }
}

/** What the client sends and the program has not read yet: when it is too much, the client has to wait. */
class Input {
  private readonly socket: WebSocket
  private readonly session: ExecSession
  private waiting = 0

  constructor(socket: WebSocket, session: ExecSession) {
    this.socket = socket
    this.session = session
  }

  take(bytes: Uint8Array): void {
    this.waiting += bytes.length
    if (this.waiting > BUFFERED_BYTES_MAX) this.socket.pause()
    const taken = () => {
      this.waiting -= bytes.length
      if (this.waiting <= BUFFERED_BYTES_MAX && this.socket.isPaused) this.socket.resume()
    }
    this.session.write(bytes).then(taken, taken)
  }
}

function takeMessage(session: ExecSession, input: Input, message: Buffer): void {
  const [channel, first] = message
  if (channel === STDIN) input.take(message.subarray(1))
  else if (channel === RESIZE) resize(session, message.subarray(1).toString())
  else if (channel === CLOSE && first === STDIN) session.closeStdin()
}

function resize(session: ExecSession, text: string): void {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: number; Height?: number }
    if (Width && Height) session.resize(Width, Height)
  } catch {
    // Not a size: nothing to do, as in Kubernetes.
  }
}

async function copy(from: AsyncIterable<Uint8Array>, socket: WebSocket, channel: number): Promise<void> {
  for await (const bytes of from) await send(socket, channel, bytes)
}

async function discard(from: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of from);
}

/** Resolves at once while the client keeps up, else when the message has left. Messages to a closed socket vanish. */
function send(socket: WebSocket, channel: number, bytes: Uint8Array): Promise<void> {
  const message = Buffer.allocUnsafe(bytes.length + 1)
  message[0] = channel
  message.set(bytes, 1)
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) {
      resolve()
      return
    }
    const isSlow = socket.bufferedAmount > BUFFERED_BYTES_MAX
    socket.send(message, () => {
      if (isSlow) resolve()
    })
    if (!isSlow) resolve()
  })
}

async function finish(socket: WebSocket, status: unknown): Promise<void> {
  await send(socket, ERROR, Buffer.from(JSON.stringify(status)))
  socket.close(1000)
}

const SUCCESS = { metadata: {}, status: 'Success' }

const nonZero = (code: number, command: readonly string[]) => ({
  metadata: {},
  status: 'Failure',
  message: `command terminated with non-zero exit code: error executing command [${command.join(' ')}], exit code ${code}`,
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
})

const failure = (message: string) => ({
  metadata: {},
  status: 'Failure',
  message: `Internal error occurred: ${message}`,
  reason: 'InternalError',
  details: { causes: [{ message }] },
  code: 500,
})
