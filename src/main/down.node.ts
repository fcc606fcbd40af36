/** `ebb down`: ends a running cluster as Ctrl-C would, and waits until it is gone. It always ends, by force if need be. */
import { CliError } from '../cli/cli-error.ts'
import type { Language, Text } from '../cli/text.ts'
import { type Instance, removeInstance, signalInstance, startTicks } from './instance.node.ts'
import { ENDING, sayWhenSlow } from './progress.node.ts'
import { longestGraceMs, theInstance } from './running.node.ts'

/** An ebb that has not ended this long after the longest grace of its pods, in ms, is ended at once. */
const GONE_WITHIN_MS = 30_000
/** One that does not end at once either within this time, in ms, is killed. */
const AT_ONCE_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 20

export async function down(port: string | undefined, language: Language): Promise<void> {
  const instance = theInstance(port)
  const { pid, url } = instance
  const atOnce = `kill -INT ${pid}`
  // A stopped one is continued by it, and can be asked then.
  signalInstance(instance, 'SIGCONT')
  const graceMs = await longestGraceMs(instance)
  signalInstance(instance, 'SIGTERM')
  const said = sayWhenSlow(
    { en: `${ENDING.en} (at once: ${atOnce})`, ko: `${ENDING.ko} (즉시 종료: ${atOnce})` },
    language,
  )
  const withinMs = GONE_WITHIN_MS + graceMs
  const ended = await gone(instance, withinMs)
  said()
  if (!ended) await force(instance, withinMs, language)
  process.stdout.write(`${endedText(url)[language]}\n`)
}

/** What it started ends with it, in whatever way it ends. */
async function force(instance: Instance, waitedMs: number, language: Language): Promise<void> {
  const seconds = Math.round(waitedMs / 1000)
  const text: Text = {
    en: `It has not ended within ${seconds} s, and is ended at once.`,
    ko: `${seconds}초 안에 끝나지 않아 즉시 종료합니다.`,
  }
  process.stderr.write(`${text[language]}\n`)
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    signalInstance(instance, signal)
    if (!(await gone(instance, AT_ONCE_WITHIN_MS))) continue
    removeInstance(instance)
    return
  }
  const { pid } = instance
  throw new CliError({
    en: `ebb (pid ${pid}) does not end although it was killed: the system holds it (look at "ps -o stat,wchan ${pid}")`,
    ko: `ebb(pid ${pid})를 강제 종료했지만 시스템이 놓아주지 않습니다 ("ps -o stat,wchan ${pid}" 를 보세요)`,
  })
}

async function gone({ pid, startTicks: started }: Instance, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (startTicks(pid) === started) {
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  return true
}

const endedText = (url: string): Text => ({ en: `ebb at ${url} has ended.`, ko: `${url} 의 ebb를 종료했습니다.` })
