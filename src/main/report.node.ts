/** `ebb report`: an ephemeral cluster, the first termination report on the samples that ebb ships, and everything gone again. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pc from 'picocolors'
import { systemClock } from '../base/clock.node.ts'
import { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { CliError } from '../cli/cli-error.ts'
import { degradedLines } from '../cli/degraded.ts'
import type { Language } from '../cli/text.ts'
import { runFirstReport } from '../lab/first-report.ts'
import { httpClient } from '../lab/load.node.ts'
import { WaitError } from '../lab/wait.ts'
import { dialRelay } from '../proxy/relay.node.ts'
import { startCluster } from './cluster.node.ts'
import { ImageMappings } from './image-mappings.node.ts'
import { createRunDirectory, removeRunDirectory } from './instance.node.ts'

const SAMPLES = fileURLToPath(new URL('../examples/first-report', import.meta.url))

export async function report(language: Language): Promise<void> {
  const life = new Lifetime('report')
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new CliError({ en: 'interrupted', ko: '중단되었습니다' }, 130)))
  })
  try {
    await Promise.race([run(life, language), interrupted])
  } catch (error) {
    if (error instanceof WaitError) throw new CliError(error.message)
    throw error
  } finally {
    await life.close()
  }
}

async function run(life: Lifetime, language: Language): Promise<void> {
  const runDirectory = createRunDirectory()
  life.add('run directory', () => removeRunDirectory(runDirectory))
  const cluster = await startCluster({
    port: 0,
    data: undefined,
    runDirectory,
    token: undefined,
    nodes: 1,
    images: new ImageMappings({ data: undefined, run: runDirectory }, {}),
    lifetime: life,
  })
  const [node] = await cluster.nodesReady()
  if (!node)
    throw new CliError({
      en: 'the node did not get ready: see what is said above',
      ko: '노드가 준비되지 않았습니다. 위의 메시지를 보세요',
    })
  for (const line of degradedLines(node.degraded, language)) process.stdout.write(`${line}\n`)
  await runFirstReport({
    client: cluster.client('ebb-lab'),
    clock: systemClock,
    random: new SeededRandom(process.pid),
    httpClientFactory: ({ host, port }) =>
      httpClient({ host, connect: () => dialRelay(cluster.relaySocket(node.name), `${host}:${port}`) }),
    trace: (sink) => cluster.hub.subscribe(sink),
    print: (text) => void process.stdout.write(text),
    style: { language, colors: pc.isColorSupported },
    samples: samples(),
  })
}

/** In the order of their names. */
function samples(): string[] {
  return readdirSync(SAMPLES)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => readFileSync(join(SAMPLES, name), 'utf8'))
}
