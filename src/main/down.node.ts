/** `ebb down`: ends a running cluster as Ctrl-C would, and waits until it is gone. */
import { CliError } from '../cli/cli-error.ts'
import type { Language, Text } from '../cli/text.ts'
import { startTicks } from './instance.node.ts'
import { ENDING, sayWhenSlow } from './progress.node.ts'
import { theInstance } from './running.node.ts'

/** Pods get their own grace; after this long, in ms, the end is no longer waited for. */
const GONE_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 20

export async function down(port: string | undefined, language: Language): Promise<void> {
  const { pid, startTicks: started, url } = theInstance(port)
  const atOnce = `kill -INT ${pid}`
  end(pid)
  const said = sayWhenSlow(
    { en: `${ENDING.en} (at once: ${atOnce})`, ko: `${ENDING.ko} (즉시 종료: ${atOnce})` },
    language,
  )
  const deadline = performance.now() + GONE_WITHIN_MS
  while (startTicks(pid) === started) {
    if (performance.now() > deadline)
      throw new CliError({
        en: `ebb (pid ${pid}) still ends its pods; end it at once with: ${atOnce}`,
        ko: `ebb(pid ${pid})가 아직 파드를 종료하는 중입니다. 즉시 끝내려면: ${atOnce}`,
      })
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  said()
  const ended: Text = { en: `ebb at ${url} has ended.`, ko: `${url} 의 ebb를 종료했습니다.` }
  process.stdout.write(`${ended[language]}\n`)
}

/** It may have ended by itself just now. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
