/** `ebb image`: what an image reference runs, given as REFERENCE=PATH on the command line or in a file, and shown as a table. */
import { CliError } from './cli-error.ts'
import type { Language, Text } from './text.ts'

/** Reference and path, as typed. */
export type Mapping = readonly [reference: string, path: string]

/** `REFERENCE=PATH`; the first `=` parts the two. */
export function mappingOf(text: string): Mapping {
  const at = text.indexOf('=')
  const reference = text.slice(0, Math.max(at, 0)).trim()
  const path = text.slice(at + 1).trim()
  if (reference !== '' && path !== '' && !/\s/.test(reference)) return [reference, path]
  throw new CliError(
    {
      en: `--image ${text}: write it as REFERENCE=PATH, e.g. --image my-app:latest=./app`,
      ko: `--image ${text}: "이미지=경로" 꼴로 쓰세요. 예: --image my-app:latest=./app`,
    },
    2,
  )
}

/** A file of mappings: one a line, `#` begins a comment line. `name` is for what is said of a wrong line. */
export function mappingFile(text: string, name: string): Mapping[] {
  return text.split('\n').flatMap((line, i) => {
    const words = line.trim()
    if (words === '' || words.startsWith('#')) return []
    try {
      return [mappingOf(words)]
    } catch {
      throw new CliError(
        {
          en: `${name}, line ${i + 1}: "${words}" is not REFERENCE=PATH`,
          ko: `${name}, ${i + 1}번째 줄: "${words}" 은(는) "이미지=경로" 꼴이 아닙니다`,
        },
        2,
      )
    }
  })
}

const NONE: Text = {
  en: 'No image is mapped. To map one: ebb image map my-app:latest=./app',
  ko: '연결된 이미지가 없습니다. 연결하려면: ebb image map my-app:latest=./app',
}
const HEAD: Readonly<Record<Language, readonly [string, string]>> = {
  en: ['IMAGE', 'PROGRAM'],
  ko: ['이미지', '프로그램'],
}

/** A table, in the order in which they were given. */
export function mappingTable(mappings: Readonly<Record<string, string>>, language: Language): string {
  const rows = Object.entries(mappings)
  if (rows.length === 0) return `${NONE[language]}\n`
  const width = Math.max(...rows.map(([reference]) => reference.length), HEAD.en[0].length)
  return [HEAD[language], ...rows].map(([reference, path]) => `${reference.padEnd(width)}   ${path}\n`).join('')
}

export const mapped = (reference: string, path: string): Text => ({
  en: `${reference} runs ${path}`,
  ko: `${reference} 은(는) ${path} 을(를) 실행합니다`,
})

export const unmapped = (reference: string): Text => ({
  en: `${reference} is not mapped any more; what runs goes on`,
  ko: `${reference} 연결을 풀었습니다. 실행 중인 것은 계속 실행됩니다`,
})
