/** How the demo image behaves: by its environment, or, where it plays agnhost, by the arguments of `netexec`. */

export interface EchoOptions {
  readonly port: number
  /** Absent: no UDP server. */
  readonly udpPort?: number
  /** Waited before listening, in ms. */
  readonly startDelayMs: number
  /** Waited before each answer, in ms. */
  readonly workMs: number
  /** After listening, before /readyz says yes, in ms. */
  readonly readyDelayMs: number
  readonly readyFailsOnTerm: boolean
  /** none: no handler, so that PID 1 outlives TERM; ignore: log it and go on; exit: at once; drain: serve on, then exit. */
  readonly onTerm: 'none' | 'ignore' | 'exit' | 'drain'
  /** How long new requests are still taken after TERM, in ms. */
  readonly drainMs: number
  readonly exitCode: number
  readonly logRequests: boolean
  /** Plays agnhost netexec: its lines and its paths. */
  readonly netexec: boolean
}

const ON_TERM = ['none', 'ignore', 'exit', 'drain'] as const

/** Throws an Error with one sentence for a value that cannot be meant. */
export function echoOptions(env: Readonly<Record<string, string | undefined>>, args: readonly string[]): EchoOptions {
  const number = (name: string, fallback: number): number => {
    const text = env[name]
    if (text === undefined || text === '') return fallback
    const value = Number(text)
    if (!Number.isFinite(value) || value < 0) throw new Error(`${name}=${text}: expected a number, 0 or more`)
    return value
  }
  const onTerm = ON_TERM.find((name) => name === (env.ON_TERM || 'exit'))
  if (onTerm === undefined) throw new Error(`ON_TERM=${env.ON_TERM}: expected one of ${ON_TERM.join(', ')}`)
  const own: EchoOptions = {
    port: number('PORT', 8080),
    startDelayMs: number('START_DELAY_MS', 0),
    workMs: number('WORK_MS', 0),
    readyDelayMs: number('READY_DELAY_MS', 0),
    readyFailsOnTerm: /^(1|true|yes)$/i.test(env.READY_FAILS_ON_TERM ?? ''),
    onTerm,
    drainMs: number('DRAIN_MS', 0),
    exitCode: number('EXIT_CODE', 0),
    logRequests: /^(1|true|yes)$/i.test(env.LOG_REQUESTS ?? ''),
    netexec: false,
  }
  return args[0] === 'netexec' ? netexecOptions(own, flags(args.slice(1))) : own
}

/** Source: agnhost netexec, README of k8s e2e-test-images/agnhost. */
function netexecOptions(own: EchoOptions, given: ReadonlyMap<string, string>): EchoOptions {
  const delay = Number(given.get('delay-shutdown') ?? 0)
  return {
    ...own,
    netexec: true,
    port: Number(given.get('http-port') ?? 8080),
    udpPort: Number(given.get('udp-port') ?? 8081),
    onTerm: delay > 0 ? 'drain' : 'exit',
    drainMs: delay * 1000,
    exitCode: 0,
  }
}

/** `--name=value`, `--name value`, `--name`. */
function flags(args: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const [, name, value] = /^--?([^=]+)(?:=(.*))?$/.exec(args[i] as string) ?? []
    if (name === undefined) continue
    const next = args[i + 1]
    if (value !== undefined) found.set(name, value)
    else if (next !== undefined && !next.startsWith('-')) found.set(name, args[++i] as string)
    else found.set(name, 'true')
  }
  return found
}
