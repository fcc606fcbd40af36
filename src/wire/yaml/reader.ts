/** The text of a YAML document and where in it one is. */
import { syntaxError } from './errors.ts'

export const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const NEXT_LINE = 0x85
const LINE_SEPARATOR = 0x2028
const PARAGRAPH_SEPARATOR = 0x2029

export const isBlank = (code: number) => code === SPACE || code === TAB

export const isBreak = (code: number) =>
  code === LF || code === CR || code === NEXT_LINE || code === LINE_SEPARATOR || code === PARAGRAPH_SEPARATOR

/** 0 is the end of the text: no text has that character. */
export const isBreakOrEnd = (code: number) => code === 0 || isBreak(code)
export const isBlankOrEnd = (code: number) => isBlank(code) || isBreakOrEnd(code)

/** Whatever cannot be printed is no YAML. Pairs of surrogates are one character. */
const NOT_PRINTABLE = /[^\t\n\r\x20-\x7e\x85\xa0-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u

const LINE = /[^\n\r\x85\u2028\u2029]*/y

/** Words, lines and escapes that are read in one step, a few ms. */
const STEP_PARTS = 4096

export class Reader {
  readonly text: string
  at = 0
  /** From 0. */
  line = 0
  private lineStart = 0
  private parts = 0

  /** Throws YamlSyntaxError for a text with control characters. */
  constructor(text: string) {
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text
    if (NOT_PRINTABLE.test(this.text)) throw syntaxError('control characters are not allowed')
  }

  get column(): number {
    return this.at - this.lineStart
  }

  /** The code of the character here or further on; 0 at the end. */
  code(offset = 0): number {
    return this.text.charCodeAt(this.at + offset) || 0
  }

  /** The character here, '' at the end. */
  char(): string {
    return this.text[this.at] ?? ''
  }

  /** What a sticky pattern finds here; moves on behind it. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0] ?? ''
    this.at += found.length
    return found
  }

  toLineEnd(): void {
    this.match(LINE)
  }

  /** Whether a tab is among the blanks here, left of a column. */
  tabBefore(column: number): boolean {
    for (let i = 0; this.column + i < column && isBlank(this.code(i)); i++) if (this.code(i) === TAB) return true
    return false
  }

  /** Asked once for each part of a text, however short: true after as many as are read in one step. */
  stepIsOver(): boolean {
    return ++this.parts % STEP_PARTS === 0
  }

  /** The end of a line as a scalar has it; moves on to the next line. */
  skipBreak(): string {
    const code = this.code()
    this.at += code === CR && this.code(1) === LF ? 2 : 1
    this.line++
    this.lineStart = this.at
    return code === LINE_SEPARATOR || code === PARAGRAPH_SEPARATOR ? String.fromCharCode(code) : '\n'
  }

  /** `---` or `...` at the start of a line, with nothing right behind. */
  isDocumentMark(): boolean {
    if (this.column !== 0) return false
    const three = this.text.slice(this.at, this.at + 3)
    return (three === '---' || three === '...') && isBlankOrEnd(this.code(3))
  }
}
