import { CliError } from './cli-error.ts'
import type { Language } from './text.ts'

/** `--lang`, else EBB_LANG, LC_ALL, LC_MESSAGES, LANG, the last three as POSIX orders them. */
export function languageOf(env: Readonly<Record<string, string | undefined>>, wanted?: string): Language {
  if (wanted !== undefined && wanted !== 'en' && wanted !== 'ko')
    throw new CliError({ en: `--lang ${wanted}: must be en or ko`, ko: `--lang ${wanted}: en 또는 ko 여야 합니다` }, 2)
  const tag = wanted ?? [env.EBB_LANG, env.LC_ALL, env.LC_MESSAGES, env.LANG].find(Boolean) ?? ''
  return /^ko\b|^ko_/i.test(tag) ? 'ko' : 'en'
}
