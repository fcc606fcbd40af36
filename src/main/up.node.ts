/** `ebb up`: a whole cluster in the foreground, its ready line, and its end by Ctrl-C. Everything started is in one lifetime. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { systemClock } from '../base/clock.node.ts'
import { Lifetime } from '../base/lifetime.ts'
import { CliError } from '../cli/cli-error.ts'
import { KUBECONFIG_MARK } from '../cli/kubeconfig.ts'
import type { Language } from '../cli/language.ts'
import { type Ready, readyText, type UpOptions } from '../cli/up.ts'
import { ECHO_IMAGE, readProgram } from '../kubelet/runtimes/process/images.node.ts'
import { startCluster } from './cluster.node.ts'
import { compileEarly } from './compile-early.node.ts'
import { createRunDirectory, defaultDataDirectory, startTicks, writeInstance } from './instance.node.ts'
import { EBB_VERSION, KUBERNETES_VERSION } from './versions.ts'

/** Whatever takes longer than this, in ms, says what it is about. */
const PROGRESS_AFTER_MS = 1_000

/** A detached ebb must be ready within this time, in ms. */
const DETACHED_READY_MS = 30_000

export async function up(options: UpOptions, language: Language): Promise<void> {
  if (options.detach) return detach(language)
  const life = new Lifetime('ebb')
  const stop = endOnSignals(life, language)
  try {
    // Whoever is ended while starting does not wait for what will never be ready.
    await Promise.race([start(options, life, language), stop.ended])
  } catch (error) {
    await life.close().catch(() => {})
    stop.forget()
    throw error
  }
  await stop.ended
}

/** Resolves when the ready line is printed. */
async function start(options: UpOptions, life: Lifetime, language: Language): Promise<void> {
  const startedAt = performance.timeOrigin
  const data = options.ephemeral ? undefined : resolve(options.data ?? defaultDataDirectory())
  const runDirectory = createRunDirectory()
  life.add('run directory', () => rmSync(runDirectory, { recursive: true, force: true }))
  const images = imagePaths(options.images)
  const cluster = await startCluster({ ...options, data, runDirectory, images, lifetime: life })
  const kubeconfig = writeKubeconfig(options.kubeconfig, data ?? runDirectory, cluster.kubeconfig)
  if (options.kubeconfig && options.ephemeral) life.add('kubeconfig', () => rmSync(kubeconfig, { force: true }))
  const said = sayWhenSlow(
    language === 'ko'
      ? `API 서버는 ${cluster.url} 에서 응답합니다. 노드를 기다리는 중입니다 (${options.nodes}개).`
      : `The API server answers at ${cluster.url}; waiting for ${options.nodes} node(s).`,
  )
  const nodes = await cluster.nodesReady()
  said()
  if (life.closed) return
  writeInstance(runDirectory, {
    pid: process.pid,
    startTicks: startTicks(process.pid) ?? 'unknown',
    port: cluster.port,
    url: cluster.url,
    kubeconfig,
    data,
    version: EBB_VERSION,
    nodes,
    startedAtMs: startedAt,
  })
  const ready: Ready = {
    ms: systemClock.now() - startedAt,
    url: cluster.url,
    version: KUBERNETES_VERSION,
    kubeconfig,
    nodes,
    data,
    degraded: cluster.degraded(),
    detached: process.env.EBB_DETACHED === '1',
  }
  process.stdout.write(readyText(ready, language))
  compileEarly()
}

/** First signal: pods end gracefully, then everything. Second: at once. */
function endOnSignals(life: Lifetime, language: Language): { ended: Promise<void>; forget(): void } {
  let asked = 0
  let finish: () => void = () => {}
  const ended = new Promise<void>((done) => {
    finish = done
  })
  const onSignal = () => {
    asked++
    if (asked > 1) {
      process.stderr.write(language === 'ko' ? '\n즉시 종료합니다.\n' : '\nEnding at once.\n')
      process.exit(130)
    }
    const said = sayWhenSlow(
      language === 'ko'
        ? '파드를 정상 종료하는 중입니다 (유예 시간만큼 걸립니다). 한 번 더 누르면 즉시 종료합니다.'
        : 'Ending pods gracefully, within their grace periods; Ctrl-C once more ends them at once.',
    )
    const closed = life.close().finally(said)
    void closed.then(finish, (error: unknown) => {
      process.stderr.write(`ebb: ${describe(error)}\n`)
      process.exitCode = 1
      finish()
    })
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const forget = () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  return { ended: ended.then(forget), forget }
}

/** Prints the sentence after a while, unless what it speaks of is over by then: call the result when it is. */
function sayWhenSlow(sentence: string): () => void {
  const timer = setTimeout(() => process.stderr.write(`${sentence}\n`), PROGRESS_AFTER_MS)
  return () => clearTimeout(timer)
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause ? `${error.message}: ${describe(error.cause)}` : error.message
}

/** Absolute paths, checked: a typing error is seen here, not in a pod's status. `ebb/echo` names the built-in image. */
function imagePaths(images: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const out: Record<string, string> = {}
  for (const [reference, path] of images) {
    const absolute = path === ECHO_IMAGE || isAbsolute(path) ? path : resolve(path)
    if (absolute !== ECHO_IMAGE && !existsSync(absolute))
      throw new CliError(
        `--image ${reference}=${path}: there is nothing at ${absolute}; name a folder or an executable`,
      )
    try {
      if (absolute !== ECHO_IMAGE) readProgram(reference, absolute)
    } catch (error) {
      throw new CliError((error as Error).message)
    }
    out[reference] = absolute
  }
  return out
}

/** Where `--kubeconfig` says, else into the folder of the cluster. Never over a file that ebb did not write. */
function writeKubeconfig(wanted: string | undefined, folder: string, text: string): string {
  const path = wanted ? resolve(wanted) : join(folder, 'kubeconfig')
  if (existsSync(path) && !readFileSync(path, 'utf8').startsWith(KUBECONFIG_MARK))
    throw new CliError(`${path} was not written by ebb and stays as it is; name another file with --kubeconfig`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, KUBECONFIG_MARK + text, { mode: 0o600 })
  return path
}

/** Starts the same command in the background, waits for its ready line, prints it, returns. */
async function detach(language: Language): Promise<void> {
  const args = process.argv.slice(2).filter((arg) => arg !== '--detach')
  const folder = join(defaultDataDirectory(), 'log')
  mkdirSync(folder, { recursive: true })
  const logFile = join(folder, `up-${process.pid}.log`)
  const log = openSync(logFile, 'w', 0o600)
  const child = spawn(process.execPath, [process.argv[1] as string, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, EBB_DETACHED: '1', EBB_LANG: language },
  })
  const ended = new Promise<number>((done) => child.once('exit', (code) => done(code ?? 1)))
  const text = () => readFileSync(logFile, 'utf8')
  const deadline = performance.now() + DETACHED_READY_MS
  while (!text().includes('export KUBECONFIG=')) {
    const code = await Promise.race([ended, new Promise<undefined>((wake) => setTimeout(() => wake(undefined), 20))])
    if (code !== undefined)
      throw new CliError(
        text()
          .trim()
          .replace(/^ebb: /, '') || `ebb ended with ${code}; see ${logFile}`,
        code || 1,
      )
    if (performance.now() > deadline)
      throw new CliError(`ebb was not ready within ${DETACHED_READY_MS / 1000} s; see ${logFile}`)
  }
  child.unref()
  process.stdout.write(text())
}
