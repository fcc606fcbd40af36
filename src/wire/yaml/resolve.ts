/** What a scalar stands for: YAML 1.1 as Kubernetes' library reads it, which leaves out dates, base 60 and the like. */
import { inexactText, isExact } from '../integers.ts'
import { syntaxError, YamlSyntaxError } from './errors.ts'

const WORDS = new Map<string, unknown>()
const say = (value: unknown, ...words: string[]) => {
  for (const word of words) WORDS.set(word, value)
}
say(true, 'y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON')
say(false, 'n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF')
say(null, '', '~', 'null', 'Null', 'NULL')

/** Numbers that JSON does not have, as Go names them. */
const NO_JSON = /^(?:\.nan|\.NaN|\.NAN|[-+]?\.(?:inf|Inf|INF))$/

const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)$/
const INT64_MIN = -(2n ** 63n)
const UINT64_MAX = 2n ** 64n - 1n

/** The value of a plain scalar. */
export function resolvePlain(text: string): unknown {
  const word = WORDS.get(text)
  if (word !== undefined) return word
  if (!/^[-+.0-9]/.test(text)) return text
  if (NO_JSON.test(text)) throw new YamlSyntaxError(`json: unsupported value: ${goName(text)}`)
  const digits = text.replaceAll('_', '')
  return integer(digits) ?? float(digits) ?? text
}

const goName = (text: string) => (/nan/i.test(text) ? 'NaN' : text.startsWith('-') ? '-Inf' : '+Inf')

function integer(digits: string): number | undefined {
  const m = INTEGER.exec(digits)
  if (!m) return undefined
  const [, sign, body = ''] = m
  const size = BigInt(/^0[0-7]+$/.test(body) ? `0o${body}` : body)
  const value = sign === '-' ? -size : size
  if (value < INT64_MIN || value > UINT64_MAX) return undefined
  if (!isExact(value)) throw new YamlSyntaxError(inexactText(digits))
  return Number(value)
}

function float(digits: string): number | undefined {
  if (!FLOAT.test(digits)) return undefined
  const value = Number(digits)
  return Number.isFinite(value) ? value : undefined
}

const PREFIX = 'tag:yaml.org,2002:'

/** The value of a scalar with a tag of its own. Throws YamlSyntaxError where the two do not fit. */
export function resolveTagged(tag: string, text: string): unknown {
  const short = shortTag(tag)
  if (short === '!!str') return text
  if (short === '!!binary') return binary(text)
  const value = resolvePlain(text)
  const found = typeOf(value)
  if (!['!!bool', '!!int', '!!float', '!!null', '!!timestamp'].includes(short)) return text
  if (short === found || (short === '!!float' && found === '!!int')) return value
  if (short === '!!timestamp') return text
  throw syntaxError(`cannot decode ${found} \`${text}\` as a ${short}`)
}

/** `!!str` for what the secondary handle, or the whole tag, says. */
export function shortTag(tag: string): string {
  const whole = /^!<(.*)>$/.exec(tag)?.[1] ?? tag
  return whole.startsWith(PREFIX) ? `!!${whole.slice(PREFIX.length)}` : whole
}

function typeOf(value: unknown): string {
  if (value === null) return '!!null'
  if (typeof value === 'boolean') return '!!bool'
  if (typeof value === 'number') return Number.isInteger(value) ? '!!int' : '!!float'
  return '!!str'
}

/** What the base64 stands for, as a text. */
function binary(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text.replace(/[\r\n]/g, '')), (c) => c.charCodeAt(0)))
  } catch {
    throw syntaxError('!!binary value contains invalid base64 data')
  }
}
