/**
 * The built-in demo image `ebb/echo`: an HTTP server whose way of starting, working and ending is set by its environment
 * (echo-options.ts). It logs a line for TERM and one when it exits. It also plays `agnhost netexec`, arguments included.
 *
 *   /  /hostname      the pod's name               /healthz  200 while it lives
 *   /echo?msg=X       X                            /readyz   200 when ready, 503 before and (READY_FAILS_ON_TERM) while draining
 *   /shutdown         begins to drain, as TERM would, without exiting: for a preStop httpGet
 *   /shell?cmd=X      {"output": ...}              /exit?code=N&timeout=1s
 *   /clientip         address:port of the caller   /header?key=X
 */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { hostname } from 'node:os'
import { type EchoOptions, echoOptions } from './echo-options.ts'

/** Every runtime sets HOSTNAME; without namespaces the other is the host's. */
const POD_NAME = process.env.HOSTNAME || hostname()

/** Requests still running are waited for at most this long after the drain, in ms. */
const FINISH_MAX_MS = 10_000

interface EchoState {
  readonly options: EchoOptions
  listening: boolean
  readyAt: number
  draining: boolean
  running: number
}

type Answer = { status: number; body: string; type?: string } | undefined

function main(): void {
  let options: EchoOptions
  try {
    options = echoOptions(process.env, process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`echo: ${(error as Error).message}\n`)
    process.exit(2)
  }
  const state: EchoState = { options, listening: false, readyAt: Number.POSITIVE_INFINITY, draining: false, running: 0 }
  const server = createServer((request, response) => void serve(state, request, response))
  server.keepAliveTimeout = 60_000
  onSignals(state, server)
  setTimeout(() => listen(state, server), options.startDelayMs)
}

function log(state: EchoState, line: string): void {
  ;(state.options.netexec ? process.stderr : process.stdout).write(`${line}\n`)
}

function listen(state: EchoState, server: Server): void {
  const { port, udpPort, netexec, readyDelayMs } = state.options
  server.on('error', (error) => {
    log(state, `cannot listen on port ${port}: ${error.message}`)
    process.exit(1)
  })
  server.listen(port, () => {
    state.listening = true
    state.readyAt = performance.now() + readyDelayMs
    log(state, netexec ? `Started HTTP server on port ${port}` : `listening on ${port}`)
  })
  if (udpPort !== undefined) listenUdp(state, udpPort)
}

function listenUdp(state: EchoState, port: number): void {
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => {
    const [verb = '', ...rest] = message.toString('utf8').trim().split(' ')
    const answer = verb.toLowerCase() === 'hostname' ? POD_NAME : verb === 'echo' ? rest.join(' ') : ''
    socket.send(answer, from.port, from.address)
  })
  socket.on('error', (error) => log(state, `udp: ${error.message}`))
  socket.bind(port, () => log(state, `Started UDP server on port  ${port}`))
}

function onSignals(state: EchoState, server: Server): void {
  const { onTerm, netexec, drainMs } = state.options
  if (onTerm === 'none') return
  process.on('SIGTERM', () => {
    if (!netexec)
      log(
        state,
        onTerm === 'ignore' ? 'TERM: ignored' : onTerm === 'drain' ? `TERM: draining for ${drainMs} ms` : 'TERM',
      )
    if (onTerm === 'ignore') return
    if (onTerm === 'exit') exit(state, 'exiting')
    else drain(state, server)
  })
  process.on('SIGINT', () => exit(state, 'exiting'))
}

function drain(state: EchoState, server: Server): void {
  const { netexec, drainMs } = state.options
  state.draining = true
  if (netexec) log(state, `Sleeping ${drainMs / 1000} seconds before terminating...`)
  setTimeout(() => {
    if (netexec) exit(state, '')
    server.close(() => exit(state, 'drained, exiting'))
    server.closeIdleConnections()
    setTimeout(() => exit(state, `exiting with ${state.running} requests unfinished`), FINISH_MAX_MS).unref()
  }, drainMs)
}

function exit(state: EchoState, line: string): never {
  if (!state.options.netexec && line !== '') log(state, line)
  process.exit(state.options.exitCode)
}

async function serve(state: EchoState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  state.running++
  response.once('close', () => {
    state.running--
  })
  const url = new URL(request.url ?? '/', 'http://pod')
  if (state.options.logRequests) log(state, `${request.method} ${url.pathname}`)
  const probe = url.pathname === '/healthz' || url.pathname === '/readyz'
  if (state.options.workMs > 0 && !probe) await new Promise((resolve) => setTimeout(resolve, state.options.workMs))
  const { status, body, type } = (await answer(state, url, request)) ?? { status: 200, body: `${POD_NAME}\n` }
  response.setHeader('X-Pod-Name', POD_NAME)
  // A client that keeps its connection must look for another pod with its next request.
  if (state.draining) response.setHeader('Connection', 'close')
  response.writeHead(status, { 'Content-Type': type ?? 'text/plain; charset=utf-8' }).end(body)
}

async function answer(state: EchoState, url: URL, request: IncomingMessage): Promise<Answer> {
  const query = url.searchParams
  switch (url.pathname) {
    case '/hostname':
    case '/hostName':
      return { status: 200, body: POD_NAME }
    case '/echo': {
      const code = Number(query.get('code') ?? 200)
      return { status: code >= 200 && code <= 599 ? code : 200, body: query.get('msg') ?? '' }
    }
    case '/healthz':
      return { status: 200, body: 'ok' }
    case '/readyz':
      return readiness(state)
    case '/shutdown':
      if (state.options.netexec) setImmediate(() => exit(state, ''))
      else if (!state.draining) log(state, '/shutdown: draining')
      state.draining = true
      return { status: 200, body: 'draining\n' }
    case '/clientip':
      return {
        status: 200,
        body: `${request.socket.remoteAddress?.replace(/^::ffff:/, '')}:${request.socket.remotePort}`,
      }
    case '/header':
      return { status: 200, body: String(request.headers[(query.get('key') ?? '').toLowerCase()] ?? '') }
    case '/shell':
      return shell(query.get('cmd') ?? query.get('shellCommand') ?? '')
    case '/exit':
      setTimeout(() => process.exit(Number(query.get('code') ?? 0)), seconds(query.get('timeout') ?? '0'))
      return { status: 200, body: '' }
    default:
      return state.options.netexec && url.pathname === '/'
        ? { status: 200, body: `NOW: ${new Date().toISOString()}` }
        : undefined
  }
}

function readiness(state: EchoState): Answer {
  const ready = performance.now() >= state.readyAt && !(state.draining && state.options.readyFailsOnTerm)
  return ready ? { status: 200, body: 'ok' } : { status: 503, body: state.draining ? 'draining' : 'starting' }
}

function shell(command: string): Promise<Answer> {
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', command], (error, stdout, stderr) => {
      const result = { output: stdout + stderr, ...(error ? { error: error.message } : {}) }
      resolve({ status: 200, body: JSON.stringify(result), type: 'application/json' })
    })
  })
}

/** A Go duration of seconds or milliseconds, in ms. */
function seconds(text: string): number {
  const [, value = '0', unit] = /^([\d.]+)(ms|s)?$/.exec(text) ?? []
  return Number(value) * (unit === 'ms' ? 1 : 1000)
}

main()
