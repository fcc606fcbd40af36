/** The kubelet's server on a real socket for tests, with a runtime whose sessions the test holds in its hands. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { systemClock } from '../base/clock.node.ts'
import { Lifetime } from '../base/lifetime.ts'
import type { Kubelet } from './kubelet.ts'
import type { ContainerStatus, ExecSession, Runtime, RuntimeEvent } from './runtime.ts'
import { serveKubelet } from './server.node.ts'

/** A session that says what it is given to say, and ends when told. */
export class FakeSession implements ExecSession {
  readonly stdout: AsyncIterable<Uint8Array>
  readonly stderr: AsyncIterable<Uint8Array>
  readonly exit: Promise<number>
  readonly input: string[] = []
  readonly sizes: string[] = []
  killed = false
  end!: (code: number) => void

  /** `waits`: the streams do not end before the session does. */
  constructor(out: readonly string[], err: readonly string[], waits: boolean) {
    this.exit = new Promise((resolve) => {
      this.end = resolve
    })
    const { exit } = this
    const stream = async function* (texts: readonly string[]) {
      for (const text of texts) yield Buffer.from(text)
      if (waits) await exit
    }
    this.stdout = stream(out)
    this.stderr = stream(err)
  }
  async write(bytes: Uint8Array): Promise<void> {
    this.input.push(Buffer.from(bytes).toString())
  }
  closeStdin(): void {
    this.input.push('END')
    this.end(0)
  }
  resize(columns: number, rows: number): void {
    this.sizes.push(`${columns}x${rows}`)
  }
  kill(): void {
    this.killed = true
    this.end(137)
  }
}

const pod: Pod = {
  metadata: { namespace: 'default', name: 'p', uid: 'u' },
  spec: { containers: [{ name: 'app' }] },
  status: { podIP: '127.0.0.1' },
}

/** One pod `default/p`, whose container `app` is in its second life. */
export class ServerBench {
  readonly directory = mkdtempSync(join(tmpdir(), 'ebb-kubelet-'))
  readonly socketPath = join(this.directory, 'kubelet.sock')
  readonly commands: string[] = []
  readonly listeners: ((event: RuntimeEvent) => void)[] = []
  session: ExecSession = new FakeSession([], [], true)
  running = true
  /** A server of the pod that sends back what it gets. */
  private readonly echo: Server = createServer((peer) => peer.on('error', () => {}).pipe(peer))
  private readonly lifetime = new Lifetime('test')

  get fake(): FakeSession {
    return this.session as FakeSession
  }

  async open(): Promise<void> {
    mkdirSync(join(this.directory, 'logs', 'app'), { recursive: true })
    const line = (text: string) => `2026-01-02T03:04:05.000000001Z stdout F ${text}\n`
    writeFileSync(this.logPath(0), line('before'))
    writeFileSync(this.logPath(1), line('one') + line('two'))
    const { socketPath, lifetime } = this
    await serveKubelet({ kubelet: this.kubelet(), runtime: this.runtime(), clock: systemClock, socketPath, lifetime })
    await new Promise<void>((resolve) => this.echo.listen(0, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    await this.lifetime.close()
    await new Promise((resolve) => this.echo.close(resolve))
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Resolves when nobody is connected to the pod's server any more. */
  async echoIdle(): Promise<void> {
    const connected = () => new Promise<number>((resolve) => this.echo.getConnections((_, count) => resolve(count)))
    while ((await connected()) > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  get echoPort(): number {
    return (this.echo.address() as { port: number }).port
  }

  logPath(attempt: number): string {
    return join(this.directory, `logs/app/${attempt}.log`)
  }

  life(attempt: number): ContainerStatus {
    const state = attempt === 1 && this.running ? 'running' : 'exited'
    return {
      ...{ id: `c${attempt}`, sandboxId: 's', name: 'app', attempt, image: 'i', imageId: 'i', state },
      ...{ createdAtMs: 0, annotations: {} },
    }
  }

  get(path: string): Promise<{ status: number | undefined; body: string }> {
    return new Promise((resolve, reject) => {
      httpGet({ socketPath: this.socketPath, path }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        response.on('end', () => resolve({ status: response.statusCode, body }))
      }).on('error', reject)
    })
  }

  /** Messages as `channel:text`. */
  async dial(path: string, protocols: string[]): Promise<Dialled> {
    const opened = new WebSocket(`ws+unix://${this.socketPath}:${path}`, protocols)
    const messages: string[] = []
    let wake = () => {}
    opened.on('message', (data: Buffer) => {
      messages.push(`${data[0]}:${data.subarray(1).toString()}`)
      wake()
    })
    const closed = new Promise<number>((resolve) => opened.on('close', resolve))
    await new Promise((resolve, reject) => opened.once('open', resolve).once('error', reject))
    const said = async (text: string) => {
      while (!messages.some((message) => message.includes(text)))
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
    return { socket: opened, messages, closed, said }
  }

  private runtime(): Runtime {
    return {
      listSandboxes: async () => [{ id: 's', config: { namespace: 'default', name: 'p', uid: 'u' } }],
      listContainers: async () => [this.life(0), this.life(1)],
      exec: async (_: string, command: readonly string[], options: object) => {
        this.commands.push(`${command.join(' ')} ${JSON.stringify(options)}`)
        return this.session
      },
      attach: async () => this.session,
      subscribe: (listener: (event: RuntimeEvent) => void) => {
        this.listeners.push(listener)
        return () => this.listeners.splice(this.listeners.indexOf(listener), 1)
      },
    } as unknown as Runtime
  }

  private kubelet(): Kubelet {
    return {
      list: () => [pod],
      find: (namespace: string, name: string) => (`${namespace}/${name}` === 'default/p' ? pod : undefined),
      status: () => ({
        containerStatuses: [
          {
            ...{ name: 'app', ready: this.running, restartCount: 1, image: 'i', imageID: 'i', containerID: 'ebb://c1' },
            state: this.running ? { running: {} } : { terminated: { exitCode: 0, containerID: 'ebb://c1' } },
            lastState: { terminated: { exitCode: 0, containerID: 'ebb://c0' } },
          },
        ],
      }),
      podDirectory: () => this.directory,
    } as unknown as Kubelet
  }
}

export interface Dialled {
  readonly socket: WebSocket
  readonly messages: string[]
  readonly closed: Promise<number>
  said(text: string): Promise<void>
}
