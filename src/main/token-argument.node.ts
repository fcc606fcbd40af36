/**
 * The administrator's token on a command line is seen by every user of the machine (`ps`). ebb takes it from its own as soon as
 * it runs, and hands it to the ebb that it starts in the background by the environment, which only its owner can read.
 */

import { readFileSync } from 'node:fs'

/** Instead of `--token`: never on a command line at all. */
export const TOKEN_VARIABLE = 'EBB_TOKEN'

const HIDDEN = '***'

/** The token of the environment, which what is started from here does not inherit. */
export function tokenOfEnvironment(): string | undefined {
  const token = process.env[TOKEN_VARIABLE]
  delete process.env[TOKEN_VARIABLE]
  return token || undefined
}

/** Where the values of `--token` stand: the argument, and what comes before the value in it. */
function tokens(args: readonly string[]): { readonly at: number; readonly prefix: string }[] {
  return args.flatMap((arg, at) => {
    if (args[at - 1] === '--token') return [{ at, prefix: '' }]
    return arg.startsWith('--token=') ? [{ at, prefix: '--token=' }] : []
  })
}

/** As it was typed: what is written over it has no more room than that. */
function typed(): string[] {
  try {
    return readFileSync('/proc/self/cmdline', 'utf8').split('\0').slice(0, -1)
  } catch {
    return [process.argv0, ...process.argv.slice(1)]
  }
}

/** Writes over this process's command line where it holds a token. */
export function hideToken(): void {
  if (tokens(process.argv).length === 0) return
  const shown = typed()
  for (const { at, prefix } of tokens(shown)) shown[at] = prefix + HIDDEN.slice(0, shown[at]?.length)
  process.title = shown.join(' ')
}

/** The arguments without the token and its option. */
export function withoutToken(args: readonly string[]): string[] {
  const gone = new Set(tokens(args).flatMap(({ at, prefix }) => (prefix ? [at] : [at - 1, at])))
  return args.filter((_, at) => !gone.has(at))
}
