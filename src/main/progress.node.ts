/** Whatever takes longer than a second says what it is about. */
import type { Language, Text } from '../cli/text.ts'

const PROGRESS_AFTER_MS = 1_000

/** Prints the sentence after a while, unless what it speaks of is over by then: call the result when it is. */
export function sayWhenSlow(sentence: Text, language: Language): () => void {
  const timer = setTimeout(() => process.stderr.write(`${sentence[language]}\n`), PROGRESS_AFTER_MS)
  return () => clearTimeout(timer)
}

export const ENDING: Text = {
  en: 'Ending pods gracefully, within their grace periods.',
  ko: '파드를 정상 종료하는 중입니다. 길게는 유예 시간만큼 걸립니다.',
}
