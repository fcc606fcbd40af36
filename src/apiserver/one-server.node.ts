/** One API server on real sockets for all tests of a file. What is exported is there once the hooks of `useServer` have run. */
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { ensurePki, type Pki } from '../main/pki.node.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import type { ApiServerOptions } from './api-server.ts'
import { type RunningServer, type ServerOptions, startServer } from './server.node.ts'

export const folder = mkdtempSync(join(tmpdir(), 'ebb-server-'))
export const plainSocket = join(folder, 'plain.sock')
export const tlsSocket = join(folder, 'tls.sock')

export let pki: Pki
export let api: TestApi
export let server: RunningServer

/** What no request may cause: there must be none in the end. */
export const faults: unknown[] = []
const fault = (error: unknown) => void faults.push(error)

/** `of`: of the API server, and of its sockets. Hooks that are given before this run before its start, and after its end. */
export function useServer(of: { api?: Partial<ApiServerOptions>; sockets?: Partial<ServerOptions> } = {}): void {
  beforeAll(async () => {
    pki = await ensurePki(join(folder, 'pki'), ['127.0.0.1'], systemClock.now())
    api = await startTestApi({ clock: systemClock, random: new SeededRandom(1), server: { fault, ...of.api } })
    server = await listen({ plainSocket, tlsSocket, ...of.sockets })
  })
  afterAll(async () => {
    api.server.close()
    await server.close()
    await api.close()
    rmSync(folder, { recursive: true, force: true })
    expect(faults).toEqual([])
  })
}

/** More sockets for the same API server; whoever opens them closes them. */
export const listen = (more: Partial<ServerOptions>): Promise<RunningServer> =>
  startServer({
    handle: api.server.handle,
    tls: { ...pki.server, ca: pki.ca },
    port: 0,
    dialKubelet: () => Promise.reject(new Error('there is no node here')),
    fault,
    ...more,
  })

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

/** Over a connection of its own. */
export function ask(options: https.RequestOptions, body?: string | Buffer): Promise<Answer> {
  const send = options.socketPath ? http.request : https.request
  return new Promise((resolve, reject) => {
    const request = send({ port: server.port, host: '127.0.0.1', ca: pki.ca, agent: false, ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}
