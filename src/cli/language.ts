/** Messages for people come in English and Korean; protocol messages stay English, as clients expect them. */
export type Language = 'en' | 'ko'

/** `--lang`, else LC_ALL, LC_MESSAGES, LANG, as POSIX orders them. */
export function languageOf(env: Readonly<Record<string, string | undefined>>, wanted?: string): Language {
  const tag = wanted ?? env.EBB_LANG ?? env.LC_ALL ?? env.LC_MESSAGES ?? env.LANG ?? ''
  return /^ko\b|^ko_/i.test(tag) ? 'ko' : 'en'
}
