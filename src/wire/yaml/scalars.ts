/** The texts of YAML's scalars: plain, quoted, and block. Lines are folded as YAML 1.1 has it. */
import type { Steps } from '../../base/steps.ts'
import { scanError } from './errors.ts'
import { isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, type Reader, TAB } from './reader.ts'

/** Pieces of a text: put together as they come, so that no step puts together millions. */
class Parts {
  private whole = ''
  private pieces: string[] = []

  push(...pieces: readonly string[]): void {
    for (const piece of pieces) this.pieces.push(piece)
    if (this.pieces.length > PIECES_MAX) this.text()
  }

  text(): string {
    this.whole += this.pieces.join('')
    this.pieces = []
    return this.whole
  }
}

const PIECES_MAX = 4096

/** Blanks and ends of lines between two parts of a flow scalar, which become a space, or the line ends after the first. */
class Gap {
  private blanks = ''
  private first = ''
  private more = ''
  private broken = false

  get hasBreak(): boolean {
    return this.broken
  }

  /** Reads on to the next character that is neither. `check` looks at the blanks that begin a line, before they are passed. */
  *read(reader: Reader, check?: () => void): Steps<void> {
    for (let code = reader.code(); isBlank(code) || isBreak(code); code = reader.code()) {
      if (isBlank(code)) {
        if (this.broken) check?.()
        const blanks = reader.match(BLANKS)
        if (!this.broken) this.blanks += blanks
        continue
      }
      if (reader.stepIsOver()) yield
      if (this.broken) this.more += reader.skipBreak()
      else {
        this.broken = true
        this.first = reader.skipBreak()
      }
    }
  }

  /** An escaped end of line: the next line follows without a space. */
  escapedBreak(reader: Reader): void {
    this.broken = true
    reader.skipBreak()
  }

  get text(): string {
    if (!this.broken) return this.blanks
    return this.first === '\n' ? this.more || ' ' : this.first + this.more
  }
}

/** What is passed over in one go: blanks, and texts up to what may end them. Line ends are those of `isBreak`. */
const BLANKS = /[ \t]+/y
const PLAIN = /[^ \t\n\r\x85\u2028\u2029:]+/y
const PLAIN_IN_FLOW = /[^ \t\n\r\x85\u2028\u2029:,?[\]{}]+/y
const IN_SINGLE_QUOTES = /[^ \t\n\r\x85\u2028\u2029']+/y
const IN_DOUBLE_QUOTES = /[^ \t\n\r\x85\u2028\u2029"\\]+/y
const PLAIN_ENDS_IN_FLOW = ',?[]{}'

export interface Plain {
  readonly text: string
  /** It ended with a line, so that a key may follow. */
  readonly atLineStart: boolean
}

export function* plainScalar(reader: Reader, { indent, flow }: { indent: number; flow: boolean }): Steps<Plain> {
  const contextLine = reader.line
  const parts = new Parts()
  let gap = new Gap()
  const noTab = () => {
    if (reader.tabBefore(indent))
      throw scanError('found a tab character that violates indentation', reader.line, contextLine)
  }
  for (;;) {
    if (reader.isDocumentMark() || reader.char() === '#') break
    const start = reader.at
    for (let code = reader.code(); !isBlankOrEnd(code); code = reader.code()) {
      if (code === 0x3a && isBlankOrEnd(reader.code(1))) break
      if (flow && PLAIN_ENDS_IN_FLOW.includes(reader.char())) break
      if (code === 0x3a) reader.at++
      else reader.match(flow ? PLAIN_IN_FLOW : PLAIN)
      if (reader.stepIsOver()) yield
    }
    if (reader.at > start) {
      parts.push(gap.text, reader.text.slice(start, reader.at))
      gap = new Gap()
    }
    if (!isBlank(reader.code()) && !isBreak(reader.code())) break
    yield* gap.read(reader, noTab)
    if (!flow && reader.column < indent) break
  }
  return { text: parts.text(), atLineStart: gap.hasBreak }
}

export function* quotedScalar(reader: Reader, single: boolean): Steps<string> {
  const contextLine = reader.line
  const parts = new Parts()
  const quote = single ? "'" : '"'
  reader.at++
  for (;;) {
    if (reader.isDocumentMark()) throw scanError('found unexpected document indicator', reader.line, contextLine)
    if (reader.code() === 0) throw scanError('found unexpected end of stream', reader.line, contextLine)
    const gap = new Gap()
    for (let start = reader.at; ; ) {
      if (reader.stepIsOver()) yield
      reader.match(single ? IN_SINGLE_QUOTES : IN_DOUBLE_QUOTES)
      parts.push(reader.text.slice(start, reader.at))
      if (single && reader.char() === quote && reader.text[reader.at + 1] === quote) parts.push(quote)
      else if (!single && reader.char() === '\\' && !isBreak(reader.code(1))) {
        parts.push(escaped(reader, contextLine))
        start = reader.at
        continue
      } else break
      reader.at += 2
      start = reader.at
    }
    if (reader.char() === quote) break
    if (reader.char() === '\\') {
      reader.at++
      gap.escapedBreak(reader)
    }
    yield* gap.read(reader)
    parts.push(gap.text)
  }
  reader.at++
  return parts.text()
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  "'": "'",
  '/': '/',
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
}

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

function escaped(reader: Reader, contextLine: number): string {
  const refuse = (problem: string) => scanError(problem, reader.line, contextLine)
  const letter = reader.text[reader.at + 1] ?? ''
  const digits = HEX_DIGITS[letter]
  if (digits === undefined) {
    const text = ESCAPES[letter]
    if (text === undefined) throw refuse('found unknown escape character')
    reader.at += 2
    return text
  }
  const hex = reader.text.slice(reader.at + 2, reader.at + 2 + digits)
  if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length < digits) throw refuse('did not find expected hexdecimal number')
  const code = Number.parseInt(hex, 16)
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw refuse('found invalid Unicode character escape code')
  reader.at += 2 + digits
  return String.fromCodePoint(code)
}

/** `|` and `>` with what they say of indentation and of the last line ends. `outer` is the indentation of the block around. */
export function* blockScalar(reader: Reader, literal: boolean, outer: number): Steps<string> {
  const contextLine = reader.line
  reader.at++
  const { keep, given } = header(reader, contextLine)
  const block = { indent: given === 0 ? 0 : Math.max(outer, 0) + given, outer, contextLine }
  const parts = new Parts()
  let lineEnd = ''
  let emptyLines = yield* emptyLinesOf(reader, block)
  let wasBlank = false
  while (reader.column === block.indent && reader.code() !== 0) {
    const blank = isBlank(reader.code())
    // A folded line end is a space, unless lines that are indented more, or empty ones, are about.
    if (literal || wasBlank || blank || lineEnd !== '\n') parts.push(lineEnd)
    else if (emptyLines === '') parts.push(' ')
    parts.push(emptyLines)
    wasBlank = blank
    const start = reader.at
    reader.toLineEnd()
    parts.push(reader.text.slice(start, reader.at))
    lineEnd = reader.code() === 0 ? '' : reader.skipBreak()
    emptyLines = yield* emptyLinesOf(reader, block)
  }
  if (keep >= 0) parts.push(lineEnd)
  if (keep > 0) parts.push(emptyLines)
  return parts.text()
}

/** keep: -1 no line end at the end, 0 one, 1 all. given: the indentation, 0 when the first line says it. */
function header(reader: Reader, contextLine: number): { keep: number; given: number } {
  const refuse = (problem: string) => scanError(problem, reader.line, contextLine)
  const marks = reader.match(/[+-]?[0-9]?[+-]?/y)
  if (marks.includes('0')) throw refuse('found an indentation indicator equal to 0')
  reader.match(/[ \t]*/y)
  if (reader.char() === '#') reader.toLineEnd()
  if ((marks.match(/[+-]/g)?.length ?? 0) > 1 || !isBreakOrEnd(reader.code()))
    throw refuse('did not find expected comment or line break')
  if (reader.code() !== 0) reader.skipBreak()
  return { keep: marks.includes('+') ? 1 : marks.includes('-') ? -1 : 0, given: Number(/\d/.exec(marks)?.[0] ?? 0) }
}

interface Block {
  /** 0 until the first line that is not empty has said it. */
  indent: number
  readonly outer: number
  readonly contextLine: number
}

function* emptyLinesOf(reader: Reader, block: Block): Steps<string> {
  let text = ''
  let deepest = 0
  for (;;) {
    while ((block.indent === 0 || reader.column < block.indent) && reader.char() === ' ') reader.at++
    deepest = Math.max(deepest, reader.column)
    if ((block.indent === 0 || reader.column < block.indent) && reader.code() === TAB)
      throw scanError('found a tab character where an indentation space is expected', reader.line, block.contextLine)
    if (reader.stepIsOver()) yield
    if (!isBreak(reader.code())) break
    text += reader.skipBreak()
  }
  if (block.indent === 0) block.indent = Math.max(deepest, block.outer + 1, 1)
  return text
}
