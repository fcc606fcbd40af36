/** `ebb up`: a whole cluster in the foreground, its ready line, and its end by Ctrl-C. Everything started is in one lifetime. */
import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Lifetime } from '../base/lifetime.ts'
import { keepPrivate, makeFolder, writeWhole } from '../base/whole-file.node.ts'
import { CliError } from '../cli/cli-error.ts'
import { isOwnKubeconfig, KUBECONFIG_MARK } from '../cli/kubeconfig.ts'
import type { Language, Text } from '../cli/text.ts'
import { type Ready, readyText, type UpOptions } from '../cli/up.ts'
import { NODES_READY_MS, startCluster } from './cluster.node.ts'
import { imagePaths, readMappingFile } from './image-arguments.node.ts'
import { ImageMappings } from './image-mappings.node.ts'
import {
  createRunDirectory,
  defaultDataDirectory,
  removeRunDirectory,
  runRoot,
  startTicks,
  writeInstance,
} from './instance.node.ts'
import { ENDING, sayWhenSlow } from './progress.node.ts'
import { systemError } from './system-error.node.ts'
import { TOKEN_VARIABLE, withoutToken } from './token-argument.node.ts'
import { EBB_VERSION, KUBERNETES_VERSION } from './versions.ts'

/** Names the file that a detached ebb writes to. */
const LOG_VARIABLE = 'EBB_DETACHED_LOG'
/** A detached ebb must be ready within this time, in ms. */
const DETACHED_READY_MS = 30_000

export async function up(options: UpOptions, language: Language): Promise<void> {
  if (options.detach) return detach(options, language)
  const life = new Lifetime('ebb')
  const stop = endOnSignals(life, language)
  // What fails because everything ends is no failure.
  const begun = start(options, life, language, stop.because).catch((error: unknown) => {
    if (!life.closed) throw error
  })
  try {
    // Whoever is ended while starting does not wait for what will never be ready.
    await Promise.race([begun, stop.ended])
  } catch (error) {
    await life.close().catch(() => {})
    stop.forget()
    throw error
  }
  await stop.ended
  const log = process.env[LOG_VARIABLE]
  // A bad end is told there, where else.
  if (log && !process.exitCode) rmSync(log, { force: true })
}

/** Resolves when the ready line is printed. `fail` ends it all, also later, when something is lost that it cannot do without. */
async function start(options: UpOptions, life: Lifetime, language: Language, fail: (why: Text) => void): Promise<void> {
  const startedAt = performance.timeOrigin
  const data = dataDirectory(options)
  const runDirectory = createRunDirectory()
  const forget = () => removeRunDirectory(runDirectory)
  life.add('run directory', forget)
  // Also when everything ends at once.
  process.once('exit', forget)
  const files = options.imagesFile === undefined ? [] : readMappingFile(options.imagesFile)
  const images = openMappings({ data, run: runDirectory }, imagePaths([...files, ...options.images]))
  // Of a detached ebb the one who waits for it says so.
  const begun = process.env[LOG_VARIABLE] ? () => {} : sayWhenSlow(starting(data), language)
  life.add('progress', begun)
  const cluster = await startCluster({ ...options, data, runDirectory, images, lifetime: life })
  begun()
  void cluster.fabricLost.then(() => fail(FABRIC_LOST))
  const kubeconfig = writeKubeconfig(options.kubeconfig, data ?? runDirectory, cluster.kubeconfig)
  if (options.kubeconfig && options.ephemeral) life.add('kubeconfig', () => rmSync(kubeconfig, { force: true }))
  const said = sayWhenSlow(
    {
      en: `The API server answers at ${cluster.url}; waiting for ${options.nodes} node(s).`,
      ko: `API 서버는 ${cluster.url} 에서 응답합니다. 노드를 기다리는 중입니다 (${options.nodes}개).`,
    },
    language,
  )
  const ready = await cluster.nodesReady()
  const nodes = ready.map(({ name }) => name)
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
  if (nodes.length < options.nodes)
    process.stderr.write(`ebb: ${nodesMissing(options.nodes - nodes.length)[language]}\n`)
  const text: Ready = {
    ms: performance.now(),
    url: cluster.url,
    version: KUBERNETES_VERSION,
    kubeconfig,
    nodes,
    data,
    degraded: [...new Set(ready.flatMap(({ degraded }) => degraded))],
    detached: process.env[LOG_VARIABLE] !== undefined,
  }
  process.stdout.write(readyText(text, language))
  await cluster.settle()
}

const ENDING_BY_SIGNAL: Text = {
  en: `${ENDING.en} Ctrl-C once more ends them at once.`,
  ko: `${ENDING.ko} 한 번 더 누르면 즉시 종료합니다.`,
}
const AT_ONCE: Text = { en: 'Ending at once.', ko: '즉시 종료합니다.' }

const FABRIC_LOST: Text = {
  en: 'the process that holds the nodes and their pods has ended, and they with it: ebb ends too. Nothing that was stored is lost; start it again with "ebb up"',
  ko: '노드와 파드를 담은 프로세스가 끝나 노드와 파드도 함께 끝났습니다. ebb도 종료합니다. 저장된 데이터는 그대로입니다. "ebb up"으로 다시 시작하세요',
}

interface Ending {
  readonly ended: Promise<void>
  /** Ends everything for a reason that is no signal; the exit code is 1. */
  because(why: Text): void
  /** Signals are no longer listened to. */
  forget(): void
}

/** First signal: pods end gracefully, then everything. Second: at once. */
function endOnSignals(life: Lifetime, language: Language): Ending {
  let asked = 0
  let finish: () => void = () => {}
  const ended = new Promise<void>((done) => {
    finish = done
  })
  const onSignal = () => {
    asked++
    if (asked > 1) {
      process.stderr.write(`\n${AT_ONCE[language]}\n`)
      process.exit(130)
    }
    close()
  }
  const close = () => {
    const said = sayWhenSlow(ENDING_BY_SIGNAL, language)
    const closed = life.close().finally(said)
    void closed.then(finish, (error: unknown) => {
      process.stderr.write(`ebb: ${describe(error)}\n`)
      process.exitCode = 1
      finish()
    })
  }
  const because = (why: Text) => {
    if (life.closed) return
    process.stderr.write(`ebb: ${why[language]}\n`)
    process.exitCode = 1
    close()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const forget = () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  return { ended: ended.then(forget), because, forget }
}

const dataDirectory = ({ ephemeral, data }: UpOptions) =>
  ephemeral ? undefined : resolve(data ?? defaultDataDirectory())

const starting = (data: string | undefined): Text => ({
  en: data === undefined ? 'Starting.' : `Starting, with data in ${data}.`,
  ko: data === undefined ? '시작하는 중입니다.' : `시작하는 중입니다. 데이터: ${data}`,
})

const nodesMissing = (count: number): Text => ({
  en: `${count} node(s) did not get ready within ${NODES_READY_MS / 1000} s: see what is said above; "ebb status" shows when they are`,
  ko: `노드 ${count}개가 ${NODES_READY_MS / 1000}초 안에 준비되지 않았습니다. 위의 메시지를 보세요. "ebb status"로 준비되었는지 볼 수 있습니다`,
})

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause ? `${error.message}: ${describe(error.cause)}` : error.message
}

function openMappings(...parts: ConstructorParameters<typeof ImageMappings>): ImageMappings {
  try {
    return new ImageMappings(...parts)
  } catch (error) {
    throw new CliError((error as Error).message)
  }
}

/** Where `--kubeconfig` says, else into the folder of the cluster. Never over a file that ebb did not write. */
function writeKubeconfig(wanted: string | undefined, folder: string, text: string): string {
  const path = wanted ? resolve(wanted) : join(folder, 'kubeconfig')
  try {
    const whole = KUBECONFIG_MARK + text
    const present = existsSync(path) ? readFileSync(path, 'utf8') : undefined
    if (present !== undefined && !isOwnKubeconfig(present))
      throw new CliError({
        en: `${path} was not written by ebb and stays as it is; name another file with --kubeconfig`,
        ko: `${path} 은(는) ebb가 쓴 파일이 아니어서 그대로 둡니다. --kubeconfig 로 다른 파일을 지정하세요`,
      })
    if (present === whole) {
      // Nothing to write, which also works where there is no room.
      keepPrivate(path)
      return path
    }
    makeFolder(dirname(path))
    // Through a link that the user laid, as any editor would.
    writeWhole(present === undefined ? path : realpathSync(path), whole, { lasting: true })
    return path
  } catch (error) {
    throw systemError(error, (why) => ({
      en: `the kubeconfig cannot be written to ${path} (${why.en}): name another file with --kubeconfig`,
      ko: `kubeconfig를 ${path} 에 쓸 수 없습니다(${why.ko}). --kubeconfig 로 다른 파일을 지정하세요`,
    }))
  }
}

function openLog(path: string): number {
  try {
    rmSync(path, { force: true })
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    throw systemError(error, (why) => ({
      en: `the log ${path} of an ebb in the background cannot be written (${why.en})`,
      ko: `백그라운드 ebb의 로그 ${path} 을(를) 쓸 수 없습니다(${why.ko})`,
    }))
  }
}

/**
 * Starts the same command in the background, waits for its ready line, prints it, returns. What it says goes to a log, which a
 * good end takes away again.
 */
async function detach(options: UpOptions, language: Language): Promise<void> {
  const args = withoutToken(process.argv.slice(2).filter((arg) => arg !== '--detach'))
  const { token } = options
  const logFile = join(runRoot(), `up-${process.pid}.log`)
  const log = openLog(logFile)
  const child = spawn(process.execPath, [process.argv[1] as string, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, [LOG_VARIABLE]: logFile, EBB_LANG: language, ...(token ? { [TOKEN_VARIABLE]: token } : {}) },
  })
  const ended = new Promise<number>((done) => child.once('exit', (code) => done(code ?? 1)))
  const text = () => readFileSync(logFile, 'utf8')
  const deadline = performance.now() + DETACHED_READY_MS
  const said = sayWhenSlow(starting(dataDirectory(options)), language)
  while (!text().includes('export KUBECONFIG=')) {
    const code = await Promise.race([ended, new Promise<undefined>((wake) => setTimeout(() => wake(undefined), 20))])
    if (code !== undefined) {
      said()
      const why = text()
        .trim()
        .replace(/^ebb: /, '')
      rmSync(logFile, { force: true })
      throw new CliError(why || { en: `ebb ended with ${code}`, ko: `ebb가 ${code} 로 끝났습니다` }, code || 1)
    }
    if (performance.now() < deadline) continue
    said()
    child.kill('SIGTERM')
    throw new CliError({
      en: `ebb was not ready within ${DETACHED_READY_MS / 1000} s and is ended; ${logFile} tells more`,
      ko: `ebb가 ${DETACHED_READY_MS / 1000}초 안에 준비되지 않아 끝냅니다. ${logFile} 을(를) 보세요`,
    })
  }
  said()
  child.unref()
  process.stdout.write(text())
}
