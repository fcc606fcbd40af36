/**
 * What Go's JSON decoder says about a text: its sentences for malformed JSON, and Kubernetes' strict errors (unknown and
 * duplicate fields) in the order of the text. Only the slow path comes here: JSON.parse has refused the text, or its
 * keys were seen to be fewer than the text has.
 */
import { goQuote } from '../api/go-quote.ts'
import type { Definition, Type } from '../api/schema.ts'

/** A sentence of Go's scanner, e.g. `invalid character 'h' looking for beginning of value`. */
class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
}

/** Strict errors are cut off here, as in Kubernetes' decoder. */
export const STRICT_ERRORS_MAX = 100

/** The sentence for a text that is no JSON; undefined when it is. */
export function jsonSyntaxError(text: string): string | undefined {
  try {
    new Scanner(text).document(undefined)
    return undefined
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error.message
    if (error instanceof RangeError) return 'exceeded max depth'
    throw error
  }
}

/** `unknown field "spec.x"` and `duplicate field "data.a"` of well-formed JSON, in the order of the text. */
export function strictErrors(text: string, definition: Definition): string[] {
  const scanner = new Scanner(text)
  scanner.document({ kind: 'ref', goType: definition.goType, definition })
  return scanner.errors
}

/** `duplicate field "data.a"` of well-formed JSON without a schema: a patch. */
export function duplicateFields(text: string): string[] {
  const scanner = new Scanner(text)
  scanner.document({ kind: 'any' })
  return scanner.errors
}

/** What one pass over the bytes of a JSON text tells, strings left out. */
export interface JsonShape {
  readonly keys: number
  readonly depth: number
  /** About how many values there are in all. */
  readonly values: number
  /** Of the object or list that has most, the outermost list aside: a patch has a limit of its own. */
  readonly members: number
  /** The longest row of digits. */
  readonly digits: number
}

export function shapeOf(bytes: Uint8Array): JsonShape {
  let [keys, commas, opened, open, depth, digits, most] = [0, 0, 0, 0, 0, 0, 0]
  /** Commas of the objects and lists that are open. */
  const counts = [Number.NEGATIVE_INFINITY]
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i] as number
    if (c === 0x22) i = stringEnd(bytes, i)
    else if (c === 0x3a) keys++
    else if (c === 0x2c) {
      commas++
      const count = (counts[open] as number) + 1
      counts[open] = count
      if (count > most) most = count
    }
    // 0x7b and 0x5b open, 0x7d and 0x5d close.
    else if (c === 0x7b || c === 0x5b) {
      opened++
      if (++open > depth) depth = open
      counts[open] = open === 1 && c === 0x5b ? Number.NEGATIVE_INFINITY : 0
    } else if (c === 0x7d || c === 0x5d) open = Math.max(0, open - 1)
    else if (c >= 0x30 && c <= 0x39) {
      const start = i
      while (isDigit(bytes[i + 1])) i++
      if (i - start >= digits) digits = i - start + 1
    }
  }
  return { keys, depth, values: commas + opened + 1, members: most + 1, digits }
}

const isSpace = (c: number) => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09

const isDigit = (c: number | undefined) => c !== undefined && c >= 0x30 && c <= 0x39

/** Where the quote is that ends the string which begins at `start`; the end of the text when there is none. */
function stringEnd(bytes: Uint8Array, start: number): number {
  for (let i = start + 1; i < bytes.length; i++) {
    if (bytes[i] === 0x5c) i++
    else if (bytes[i] === 0x22) return i
  }
  return bytes.length
}

/** A character inside single quotes, as Go's scanner prints it. */
function quoteChar(c: string): string {
  if (c === "'") return "'\\''"
  if (c === '"') return "'\"'"
  const code = c.charCodeAt(0)
  const named: Record<string, string> = {
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\\': '\\\\',
    '\b': '\\b',
    '\f': '\\f',
  }
  if (named[c]) return `'${named[c]}'`
  return code < 0x20 || code === 0x7f ? `'\\x${code.toString(16).padStart(2, '0')}'` : `'${c}'`
}

const SPACES = /[ \n\r\t]+/y
/** No control character, quote or backslash. */
const PLAIN_CHARACTERS = /[ !#-[\]-\uffff]+/y
/** As many as a pattern can repeat a group without running out of stack. */
const ESCAPED_CHARACTERS = /(?:\\["\\/bfnrt]){1,1000}/y

class Scanner {
  readonly errors: string[] = []
  private readonly reported = new Set<string>()
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  document(type: Type | undefined): void {
    this.value(type, '')
    const c = this.peek()
    if (c !== '') this.fail(c, 'after top-level value')
  }

  private fail(c: string, where: string): never {
    throw new JsonSyntaxError(c === '' ? 'unexpected end of JSON input' : `invalid character ${quoteChar(c)} ${where}`)
  }

  private peek(): string {
    if (isSpace(this.text.charCodeAt(this.at))) this.skip(SPACES)
    return this.text[this.at] ?? ''
  }

  /** Over what a sticky pattern finds here, if anything. */
  private skip(pattern: RegExp): void {
    pattern.lastIndex = this.at
    if (pattern.test(this.text)) this.at = pattern.lastIndex
  }

  private value(type: Type | undefined, path: string): void {
    const c = this.peek()
    if (c === '{') this.object(type, path)
    else if (c === '[') this.array(type, path)
    else if (c === '"') this.string()
    else if (c === 't') this.literal('true')
    else if (c === 'f') this.literal('false')
    else if (c === 'n') this.literal('null')
    else if (c === '-' || (c >= '0' && c <= '9')) this.number()
    else this.fail(c, 'looking for beginning of value')
  }

  private object(type: Type | undefined, path: string): void {
    this.at++
    if (this.peek() === '}') {
      this.at++
      return
    }
    const seen = new Set<string>()
    for (;;) {
      const c = this.peek()
      if (c !== '"') this.fail(c, 'looking for beginning of object key string')
      const key = this.string()
      const colon = this.peek()
      if (colon !== ':') this.fail(colon, 'after object key')
      this.at++
      const where = path ? `${path}.${key}` : key
      const inner = type && this.member(type, key, where)
      if (type && inner && seen.has(key)) this.report('duplicate', where)
      seen.add(key)
      this.value(inner, where)
      const end = this.peek()
      this.at++
      if (end === '}') return
      if (end !== ',') this.fail(end, 'after object key:value pair')
    }
  }

  /** The type of a member, undefined inside what the schema does not look into. */
  private member(type: Type, key: string, where: string): Type | undefined {
    if (type.kind === 'map') return type.of
    if (type.kind === 'any') return type
    if (type.kind !== 'ref') return undefined
    const field = type.definition.fields.get(key)
    if (!field) this.report('unknown', where)
    return field?.type
  }

  private report(what: 'unknown' | 'duplicate', where: string): void {
    if (this.errors.length >= STRICT_ERRORS_MAX || this.reported.has(`${what} ${where}`)) return
    this.reported.add(`${what} ${where}`)
    this.errors.push(`${what} field ${goQuote(where)}`)
  }

  private array(type: Type | undefined, path: string): void {
    this.at++
    if (this.peek() === ']') {
      this.at++
      return
    }
    const of = type?.kind === 'array' ? type.of : type?.kind === 'any' ? type : undefined
    for (let i = 0; ; i++) {
      this.value(of, `${path}[${i}]`)
      const end = this.peek()
      this.at++
      if (end === ']') return
      if (end !== ',') this.fail(end, 'after array element')
    }
  }

  private string(): string {
    const start = this.at++
    for (; ; this.at++) {
      this.skip(PLAIN_CHARACTERS)
      this.skip(ESCAPED_CHARACTERS)
      const c = this.text[this.at] ?? ''
      if (c === '' || c < ' ') this.fail(c, 'in string literal')
      if (c === '"') break
      if (c === '\\') this.escape()
    }
    this.at++
    const raw = this.text.slice(start + 1, this.at - 1)
    return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
  }

  private escape(): void {
    const c = this.text[++this.at] ?? ''
    if (c === '' || !'bfnrt\\/"u'.includes(c)) this.fail(c, 'in string escape code')
    if (c !== 'u') return
    for (let i = 0; i < 4; i++) {
      const digit = this.text[++this.at] ?? ''
      if (!/^[0-9a-fA-F]$/.test(digit)) this.fail(digit, 'in \\u hexadecimal character escape')
    }
  }

  private literal(word: string): void {
    for (let i = 0; i < word.length; i++, this.at++) {
      const c = this.text[this.at] ?? ''
      if (c !== word[i]) this.fail(c, `in literal ${word} (expecting '${word[i]}')`)
    }
  }

  private number(): void {
    if (this.text[this.at] === '-') this.at++
    if (this.text[this.at] === '0') this.at++
    else this.digits('in numeric literal')
    if (this.text[this.at] === '.') {
      this.at++
      this.digits('after decimal point in numeric literal')
    }
    if (this.text[this.at] === 'e' || this.text[this.at] === 'E') {
      this.at++
      if (this.text[this.at] === '+' || this.text[this.at] === '-') this.at++
      this.digits('in exponent of numeric literal')
    }
  }

  private digits(where: string): void {
    const c = this.text[this.at] ?? ''
    if (!(c >= '0' && c <= '9')) this.fail(c, where)
    while ((this.text[this.at] ?? '') >= '0' && (this.text[this.at] as string) <= '9') this.at++
  }
}
