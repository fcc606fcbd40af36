/**
 * A container's log for one client: in the body of an answer, or over WebSocket in messages of at most 2 KiB, bytes or base64.
 * Source: Kubernetes' apimachinery, util/httpstream/wsstream, Reader.
 */
import type { ServerResponse } from 'node:http'
import { readLog } from './logs.node.ts'
import type { LogOptions } from './logs.ts'
import type { StreamSocket } from './websocket.node.ts'

/** Subprotocols of logs; '': the client names none. */
export const LOG_PROTOCOLS = ['', 'binary.k8s.io', 'base64.binary.k8s.io'] as const

/** Bytes of log in one message. */
const MESSAGE_BYTES_MAX = 2048

/** Who gets it. */
export interface LogSink {
  /** undefined: there is room for more. Else resolves when there is. */
  write(bytes: Uint8Array): Promise<void> | undefined
  end(): void
  /** Aborts when nobody reads any more. */
  readonly gone: AbortSignal
}

export interface LogSource {
  readonly path: string
  readonly options: LogOptions
  /** Aborts when the container has ended. */
  readonly ended: AbortSignal
}

export async function sendLog({ path, options, ended }: LogSource, sink: LogSink): Promise<void> {
  for await (const bytes of readLog(path, options, { ended, gone: sink.gone })) {
    await sink.write(bytes)
    if (sink.gone.aborted) return
  }
  sink.end()
}

/** Writes the head of the answer at once: who follows a silent program knows that it is connected. */
export function responseSink(response: ServerResponse): LogSink {
  const gone = new AbortController()
  let wake = () => {}
  response.on('drain', () => wake())
  response.on('error', () => {})
  response.on('close', () => {
    gone.abort()
    wake()
  })
  response.writeHead(200, { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' })
  response.flushHeaders()
  return {
    gone: gone.signal,
    write: (bytes) => {
      if (response.write(bytes) || gone.signal.aborted) return undefined
      return new Promise((resolve) => {
        wake = resolve
      })
    },
    end: () => void response.end(),
  }
}

export function socketSink(socket: StreamSocket): LogSink {
  const isText = socket.protocol === 'base64.binary.k8s.io'
  const encode = (bytes: Uint8Array) => (isText ? Buffer.from(bytes).toString('base64') : bytes)
  // Tells the client that the connection stands. It has nothing to say itself.
  void socket.send(encode(new Uint8Array(0)))
  socket.listen(() => undefined)
  return {
    gone: socket.gone,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; at += MESSAGE_BYTES_MAX)
        await socket.send(encode(bytes.subarray(at, at + MESSAGE_BYTES_MAX)))
    },
    end: () => void socket.close(),
  }
}
