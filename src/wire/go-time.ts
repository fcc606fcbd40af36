/** Times as Go reads them, with its sentences about texts that are none. */
import { parseTime, rfc3339, rfc3339Micro } from '../api/time.ts'

const SECONDS = '2006-01-02T15:04:05Z07:00'
const MICROS = '2006-01-02T15:04:05.000000Z07:00'

class TimeError extends Error {
  override readonly name = 'TimeError'
}

/** Times that were found to be in the form of metav1.Time: an object's own come with every write. When there are so many all are forgotten. */
const KNOWN_MAX = 1_000
const known = new Set<string>()

/** A metav1.Time in the form Kubernetes writes: UTC, whole seconds. Throws TimeError. */
export function canonicalTime(text: string): string {
  if (known.has(text)) return text
  const out = timeOf(text)
  if (out === text) {
    if (known.size >= KNOWN_MAX) known.clear()
    known.add(text)
  }
  return out
}

function timeOf(text: string): string {
  const ms = parseTime(text)
  if (ms === undefined) throw new TimeError(sentence(text, SECONDS))
  const out = rfc3339(ms)
  if (text.endsWith('Z') && text.length === out.length && text !== out) throw new TimeError(outOfRange(text, 'day'))
  return out
}

/** A metav1.MicroTime: UTC, six digits of fraction. Throws TimeError. */
export function canonicalMicroTime(text: string): string {
  const ms = parseTime(text)
  const fraction = /\.(\d+)/.exec(text)?.[1]
  if (ms === undefined || fraction?.length !== 6) throw new TimeError(sentence(text, MICROS))
  return `${rfc3339Micro(ms).slice(0, 20)}${fraction}Z`
}

const quoted = (text: string) => JSON.stringify(text)

function outOfRange(text: string, what: string): string {
  return `parsing time ${quoted(text)}: ${what} out of range`
}

/** The parts of a layout with what each of them reads. */
const PARTS: readonly (readonly [layout: string, pattern: RegExp, name?: string, max?: number])[] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d\d/, 'month', 12],
  ['-', /^-/],
  ['02', /^\d\d/, 'day', 31],
  ['T', /^T/],
  ['15', /^\d\d/, 'hour', 23],
  [':', /^:/],
  ['04', /^\d\d/, 'minute', 59],
  [':', /^:/],
  ['05', /^\d\d/, 'second', 59],
]

function sentence(text: string, layout: string): string {
  let rest = text
  const unreadable = (part: string) =>
    `parsing time ${quoted(text)} as ${quoted(layout)}: cannot parse ${quoted(rest)} as ${quoted(part)}`
  for (const [part, pattern, name, max] of PARTS) {
    const m = pattern.exec(rest)
    if (!m) return unreadable(part)
    if (name && max && (Number(m[0]) > max || (max < 32 && max > 11 && max !== 23 && Number(m[0]) < 1)))
      return outOfRange(text, name)
    rest = rest.slice(m[0].length)
  }
  if (layout === MICROS && !/^\.\d{6}(?!\d)/.test(rest)) return unreadable('.000000')
  rest = rest.replace(/^[.,]\d+/, '')
  const zone = /^(?:Z|[+-]\d\d:\d\d)/.exec(rest)
  if (!zone) return unreadable('Z07:00')
  rest = rest.slice(zone[0].length)
  return rest ? `parsing time ${quoted(text)}: extra text: ${quoted(rest)}` : outOfRange(text, 'day')
}
