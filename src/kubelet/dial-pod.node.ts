/**
 * Connections into a pod as port forwarding makes them: to its address, and, for programs that listen on the pod's loopback
 * only, through a small program of ours inside it.
 */
import { createConnection } from 'node:net'
import { Duplex, Readable, Writable } from 'node:stream'
import type { ExecSession, Runtime } from './runtime.ts'
import { discard } from './streaming.node.ts'

export interface PodAddress {
  readonly runtime: Runtime
  readonly ip: string
  /** A running container of the pod; undefined: its loopback cannot be reached. */
  readonly containerId: string | undefined
}

/** Joins its standard streams to a port of the loopback; says the error's code when it cannot. */
const JOIN = `const s=require('net').connect({port:+process.argv[1],host:'127.0.0.1',allowHalfOpen:true});
s.on('error',e=>{process.stderr.write(String(e.code||e.message));process.exit(1)});
process.stdin.pipe(s);s.pipe(process.stdout);s.on('close',()=>process.exit(0))`

/**
 * Rejects with the error of the connection to the pod's address when both ways fail. Half-open: an end of one side is not that of
 * the other. An error that nobody listens to is the end of this connection and of nothing else.
 */
export async function dialPod(pod: PodAddress, port: number): Promise<Duplex> {
  const inside = await dial(pod, port)
  inside.on('error', () => {})
  return inside
}

async function dial(pod: PodAddress, port: number): Promise<Duplex> {
  try {
    return await dialAddress(pod.ip, port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || pod.containerId === undefined) throw error
    const command = [process.execPath, '-e', JOIN, String(port)]
    const session = await pod.runtime.exec(pod.containerId, command, { tty: false, stdin: true }).catch(() => undefined)
    if (!session) throw error
    return asDuplex(session, error as Error)
  }
}

function dialAddress(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, allowHalfOpen: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** The session's standard streams; it breaks with `refused` when the program inside could not connect. */
function asDuplex(session: ExecSession, refused: Error): Duplex {
  const writable = new Writable({
    write: (chunk: Uint8Array, _, done) => void session.write(chunk).then(() => done(), done),
    final: (done) => {
      session.closeStdin()
      done()
    },
  })
  const duplex = Duplex.from({ readable: Readable.from(session.stdout), writable })
  duplex.once('close', () => session.kill())
  void session.exit.then((code) => {
    if (code !== 0) duplex.destroy(refused)
  })
  void discard(session.stderr)
  return duplex
}
