/**
 * Bytes across network namespaces. Pathname Unix sockets cross them, so the node process (inside) and the host (outside)
 * meet on one. Protocol, one connection each way of use:
 *
 *   client: CONNECT tcp 10.96.0.10:80\n      then bytes, at once if it likes
 *   server: OK\n                             then bytes     or   ERROR ECONNREFUSED\n and the end
 *
 * Half-closed connections stay half-closed: each side's end is passed on by itself. Rules: SPEC.md [RL*].
 */
import { rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** The request line, in bytes; a client that sends more without a newline is cut off. */
const LINE_BYTES_MAX = 256
/** The request line must have come by then, in ms. */
const LINE_TIMEOUT_MS = 5_000
/** A target that has not answered the dial by then is given up, in ms. */
const DIAL_TIMEOUT_MS = 10_000
/** Connections at a time on one relay; more are refused at once. */
const CONNECTIONS_MAX = 8_192

export interface RunningRelay {
  readonly host: string
  /** 0 for a Unix socket. */
  readonly port: number
  /** Stops listening and cuts what is connected. */
  close(): Promise<void>
}

/** Opens a connection to an address as seen from inside; the socket may still be connecting. */
export type Dial = (host: string, port: number) => Socket

export interface RelayServerOptions {
  readonly socketPath: string
  /** Default: a TCP connection from this process's network namespace. */
  readonly dial?: Dial
  /**
   * Addresses to dial from, in turn: with one source address and one target the ports of ended connections wait in
   * TIME_WAIT and new ones stall for a second. They must be local here. Default: as the kernel chooses.
   */
  readonly sourceAddresses?: readonly string[]
}

/** The inside end: runs in the node process. Removes a socket file that a dead process has left. */
export async function serveRelay(options: RelayServerOptions): Promise<RunningRelay> {
  const dial = options.dial ?? dialFrom(options.sourceAddresses ?? [])
  await rm(options.socketPath, { force: true })
  const server = createServer({ allowHalfOpen: true }, (client) => {
    readLine(client).then(
      (line) => answer(client, line, dial),
      () => client.destroy(),
    )
  })
  const close = await listening(server, (listen) => server.listen({ path: options.socketPath }, listen))
  return { host: options.socketPath, port: 0, close }
}

function dialFrom(sources: readonly string[]): Dial {
  let turn = 0
  return (host, port) => {
    const localAddress = sources.length > 0 ? sources[turn++ % sources.length] : undefined
    return connect({ host, port, allowHalfOpen: true, noDelay: true, ...(localAddress ? { localAddress } : {}) })
  }
}

function answer(client: Socket, line: string, dial: Dial): void {
  const target = /^CONNECT tcp (.+):(\d{1,5})$/.exec(line)
  if (!target) return void client.end('ERROR EINVAL\n')
  const server = dial(target[1] ?? '', Number(target[2]))
  const timer = setTimeout(() => server.destroy(codeError('ETIMEDOUT')), DIAL_TIMEOUT_MS)
  const refuse = (error: NodeJS.ErrnoException) => {
    clearTimeout(timer)
    if (client.writable) client.end(`ERROR ${error.code ?? 'EUNKNOWN'}\n`, () => client.destroy())
  }
  const gone = () => server.destroy()
  server.once('error', refuse)
  client.once('close', gone)
  server.once('connect', () => {
    clearTimeout(timer)
    server.off('error', refuse)
    client.off('close', gone)
    client.write('OK\n')
    join(client, server)
  })
}

interface DialRelayOptions {
  readonly signal?: AbortSignal
  /** As in node:net. Default false: the target's end ends the socket, as clients of HTTP expect. */
  readonly allowHalfOpen?: boolean
}

/**
 * Opens a connection through a relay, from outside. Resolves when the target has accepted; rejects with an error whose
 * `code` is the one of the dial inside (ECONNREFUSED, ETIMEDOUT, ...).
 */
export async function dialRelay(socketPath: string, target: string, options: DialRelayOptions = {}): Promise<Socket> {
  const { signal, allowHalfOpen = false } = options
  const socket = connect({ path: socketPath, allowHalfOpen })
  const abort = () => socket.destroy(codeError('ABORT_ERR'))
  signal?.addEventListener('abort', abort, { once: true })
  try {
    socket.write(`CONNECT tcp ${target}\n`)
    const line = await readLine(socket, DIAL_TIMEOUT_MS + LINE_TIMEOUT_MS)
    if (line !== 'OK') throw codeError(/^ERROR (\w+)$/.exec(line)?.[1] ?? 'EPROTO')
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/**
 * The outside end, for programs that know nothing of relays: listens on the host, each connection goes to `target`
 * (`10.96.0.10:80`) inside. A dial that fails inside resets the connection.
 */
export async function relayListener(options: {
  readonly socketPath: string
  readonly target: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Told of each connection; false: it is reset. */
  admit?(client: Socket): boolean
}): Promise<RunningRelay> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    if (options.admit?.(client) === false) return void client.resetAndDestroy()
    dialRelay(options.socketPath, options.target, { allowHalfOpen: true }).then(
      (inside) => join(client, inside),
      () => client.resetAndDestroy(),
    )
    client.on('error', () => client.destroy())
  })
  const close = await listening(server, (listen) => server.listen({ host: options.host, port: options.port }, listen))
  return { host: options.host, port: (server.address() as AddressInfo).port, close }
}

/**
 * The inverse: listens inside (the node's address, port 6443) and hands each connection as it is to the control plane's
 * Unix socket, so that pods and the node reach the API server by the `kubernetes` Service.
 */
export async function forwardToSocket(options: {
  readonly host: string
  readonly port: number
  readonly socketPath: string
}): Promise<RunningRelay> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    join(client, connect({ path: options.socketPath, allowHalfOpen: true }))
  })
  const close = await listening(server, (listen) => server.listen({ host: options.host, port: options.port }, listen))
  return { host: options.host, port: (server.address() as AddressInfo).port, close }
}

/** Two sockets become one way in both directions; the end of one is the end of the other, an error of one cuts both. */
export function join(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', () => cut(to))
    from.on('close', () => to.destroySoon())
    from.pipe(to)
  }
}

/** A peer that was reset resets the other side, where sockets can be reset. */
function cut(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.remoteFamily) socket.resetAndDestroy()
  else socket.destroy()
}

/** Reads up to the first newline and leaves the bytes after it unread. Rejects when the line is too long, late or cut short. */
function readLine(socket: Socket, timeoutMs = LINE_TIMEOUT_MS): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0)
    const timer = setTimeout(() => fail(codeError('ETIMEDOUT')), timeoutMs)
    const settle = () => {
      clearTimeout(timer)
      socket.off('readable', read)
      socket.off('error', fail)
      socket.off('end', ended)
    }
    const fail = (error: Error) => {
      settle()
      reject(error)
    }
    const ended = () => fail(codeError('ECONNRESET'))
    const read = () => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        seen = Buffer.concat([seen, chunk])
        const at = seen.indexOf(10)
        if (at >= 0) {
          settle()
          if (at + 1 < seen.length) socket.unshift(seen.subarray(at + 1))
          return resolve(seen.subarray(0, at).toString('latin1'))
        }
        if (seen.length > LINE_BYTES_MAX) return fail(codeError('EMSGSIZE'))
      }
    }
    socket.on('readable', read)
    socket.once('error', fail)
    socket.once('end', ended)
  })
}

async function listening(server: Server, listen: (done: () => void) => void): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>()
  server.maxConnections = CONNECTIONS_MAX
  server.on('connection', (socket) => {
    sockets.add(socket)
    // Whatever goes wrong before a socket is joined ends that connection and nothing else.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    listen(resolve)
  })
  server.on('error', () => {})
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
}

function codeError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`relay: ${code}`), { code })
}
