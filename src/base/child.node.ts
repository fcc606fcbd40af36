/** Other programs: started with the node's own environment, their failures said by one error. */
import { type SpawnOptions, spawn } from 'node:child_process'

/** What tools of the node inherit, and nothing else: neither what a pod says of PATH or the loader, nor what the user's shell does. */
export const TOOL_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
}

/**
 * spawn(). Where no descriptor is left, Node gives back a child without streams and emits its error later, when the code that
 * wanted the streams has failed for no reason that anybody understands; here an Error with code EMFILE is thrown instead.
 */
export const launch = ((program: string, words: readonly string[], options: SpawnOptions) => {
  const child = spawn(program, words, options)
  if (child.stdio !== undefined) return child
  child.once('error', () => {})
  throw Object.assign(new Error(`EMFILE: no file descriptor is left to start ${program}`), { code: 'EMFILE' })
}) as typeof spawn

/** The number under which a tool finds the descriptor that it is given. */
export const GIVEN_DESCRIPTOR = 3

/** Runs a tool to its end. Rejects with what it said on its standard error, unless it ended with 0. */
export async function runTool(program: string, words: readonly string[], descriptor?: number): Promise<void> {
  const given = descriptor === undefined ? [] : [descriptor]
  const child = launch(program, words, {
    env: TOOL_ENVIRONMENT,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', ...given],
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(said.trim() || `${program} ended with ${code}`)),
    )
  })
}
