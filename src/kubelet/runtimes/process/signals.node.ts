/** Stop signals as images and manifests name them. */
import { constants } from 'node:os'

/** Realtime signals begin here on Linux (glibc's and musl's programs agree on the kernel's numbers 34 or 35; 34 is glibc's). */
const SIGRTMIN = 34
const SIGRTMAX = 64

export interface StopSignal {
  readonly name: string
  readonly number: number
}

/** `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`; undefined for anything else. */
export function parseSignal(text: string): StopSignal | undefined {
  const name = /^\d+$/.test(text) ? (nameOf(Number(text)) ?? '') : text.toUpperCase().replace(/^(SIG)?/, 'SIG')
  const realtime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name)
  if (realtime) {
    const offset = Number(realtime[3] ?? 0) * (realtime[2] === '-' ? -1 : 1)
    const number = (realtime[1] === 'MIN' ? SIGRTMIN : SIGRTMAX) + offset
    return number >= SIGRTMIN && number <= SIGRTMAX ? { name, number } : undefined
  }
  const number = constants.signals[name as NodeJS.Signals]
  return number === undefined ? undefined : { name, number }
}

function nameOf(number: number): string | undefined {
  if (number >= SIGRTMIN && number <= SIGRTMAX) return `SIGRTMIN+${number - SIGRTMIN}`
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
}
