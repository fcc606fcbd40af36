/** `ebb down`: ends a running cluster as Ctrl-C would, and waits until it is gone. */
import { CliError } from '../cli/cli-error.ts'
import type { Language } from '../cli/language.ts'
import { startTicks } from './instance.node.ts'
import { theInstance } from './running.node.ts'

/** Pods get their own grace; after this long, in ms, the end is no longer waited for. */
const GONE_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 20

export async function down(port: string | undefined, language: Language): Promise<void> {
  const instance = theInstance(port)
  process.kill(instance.pid, 'SIGTERM')
  const deadline = performance.now() + GONE_WITHIN_MS
  while (startTicks(instance.pid) === instance.startTicks) {
    if (performance.now() > deadline)
      throw new CliError(
        `ebb (pid ${instance.pid}) still ends its pods; end it at once with: kill -INT ${instance.pid}`,
      )
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  const { url } = instance
  process.stdout.write(language === 'ko' ? `${url} 의 ebb 를 종료했습니다.\n` : `ebb at ${url} has ended.\n`)
}
