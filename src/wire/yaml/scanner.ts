/**
 * YAML 1.1 as tokens, one pass over the text. Block structure is told by `blockSequence`, `blockMapping` and `blockEnd`, as
 * indentation opens and closes it; a `key` is put before what turns out to be one when its colon comes ("simple key": on one line, at
 * most 1024 characters before the colon). What a scalar is made of is in scalars.ts. Source: YAML 1.1, chapters 5 to 9.
 */
import { atOnce, type Steps } from '../../base/steps.ts'
import { scanError, syntaxError } from './errors.ts'
import { isBlank, isBlankOrEnd, isBreak, Reader } from './reader.ts'
import { blockScalar, plainScalar, quotedScalar } from './scalars.ts'

type Mark =
  | 'blockSequence'
  | 'blockMapping'
  | 'blockEnd'
  | 'entry'
  | 'key'
  | 'value'
  | '['
  | ']'
  | '{'
  | '}'
  | ','
  | 'documentStart'
  | 'documentEnd'
  | 'end'

export type Token =
  | { readonly type: Mark; readonly line: number }
  | { readonly type: 'anchor' | 'alias' | 'tag' | 'directive'; readonly line: number; readonly text: string }
  | { readonly type: 'scalar'; readonly line: number; readonly text: string; readonly plain: boolean }

/** Collections within each other, as in Kubernetes' library. */
const DEPTH_MAX = 10_000
const SIMPLE_KEY_LENGTH_MAX = 1024

const SPACES = / */y
const BLANKS = /[ \t]*/y

/** A place where a key may have begun. */
interface SimpleKey {
  /** Must become one: it stands where a block mapping continues. */
  readonly required: boolean
  /** Number of its first token. */
  readonly token: number
  readonly at: number
  readonly line: number
  readonly column: number
}

export class Scanner {
  private readonly reader: Reader
  /** Tokens not taken yet, from `head` on. */
  private queue: Token[] = []
  private head = 0
  /** How many tokens were taken. */
  private taken = 0
  private done = false
  private indent = -1
  private readonly indents: number[] = []
  private keyAllowed = true
  /** The possible key of each flow level; the last is that of here. */
  private readonly keys: (SimpleKey | undefined)[] = [undefined]
  /** The same by the number of their token. */
  private readonly keysByToken = new Map<number, SimpleKey>()

  constructor(text: string) {
    this.reader = new Reader(text)
  }

  /** Reads on until there is a next token, in steps where it is long. */
  *fill(): Steps<void> {
    while (this.wantsMore() && !this.done) yield* this.scan()
  }

  /** The next token, left in place. After the end it is the end again. Throws YamlSyntaxError. */
  peek(): Token {
    if (this.wantsMore()) atOnce(this.fill())
    return this.queue[this.head] ?? { type: 'end', line: this.reader.line }
  }

  take(): Token {
    const token = this.peek()
    if (this.head < this.queue.length) {
      this.taken++
      if (++this.head === this.queue.length) {
        this.queue = []
        this.head = 0
      }
    }
    return token
  }

  private get flow(): number {
    return this.keys.length - 1
  }

  /** Whether the token at the head may still get something put before it. */
  private wantsMore(): boolean {
    if (this.head === this.queue.length) return true
    const key = this.keysByToken.get(this.taken)
    return key !== undefined && this.isStillPossible(key)
  }

  private isStillPossible(key: SimpleKey): boolean {
    const { line, at } = this.reader
    if (key.line === line && at - key.at <= SIMPLE_KEY_LENGTH_MAX) return true
    if (key.required) throw scanError("could not find expected ':'", line, key.line)
    this.keysByToken.delete(key.token)
    return false
  }

  /** The possible key of this level, if it is still one. */
  private possibleKey(): SimpleKey | undefined {
    const key = this.keys.at(-1)
    return key && this.keysByToken.get(key.token) === key && this.isStillPossible(key) ? key : undefined
  }

  private add(token: Token): void {
    this.queue.push(token)
  }

  private insert(number: number, token: Token): void {
    this.queue.splice(this.head + number - this.taken, 0, token)
  }

  private mark(type: Mark, length = 1): void {
    this.add({ type, line: this.reader.line })
    this.reader.at += length
  }

  private *scan(): Steps<void> {
    const { reader } = this
    yield* this.toNextToken()
    this.unroll(reader.column)
    const c = reader.char()
    if (c === '') this.end()
    else if (reader.column === 0 && c === '%') this.directive()
    else if (reader.isDocumentMark()) this.document(c === '-' ? 'documentStart' : 'documentEnd')
    else if (c === '[' || c === '{') this.openFlow(c)
    else if (c === ']' || c === '}') this.closeFlow(c)
    else if (c === ',') this.flowEntry()
    else if (!this.indicator(c)) yield* this.content(c)
  }

  /** `-`, `?` and `:` where they stand for themselves: before a blank, the last two anywhere in a flow collection. */
  private indicator(c: string): boolean {
    const alone = isBlankOrEnd(this.reader.code(1))
    if (c === '-' && alone) this.blockEntry()
    else if (c === '?' && (this.flow > 0 || alone)) this.key()
    else if (c === ':' && (this.flow > 0 || alone)) this.value()
    else return false
    return true
  }

  private *content(c: string): Steps<void> {
    const { reader } = this
    if (c === '*' || c === '&') this.name(c === '*' ? 'alias' : 'anchor')
    else if (c === '!') this.tag()
    else if ((c === '|' || c === '>') && this.flow === 0) yield* this.blockScalar(c === '|')
    else if (c === "'" || c === '"') yield* this.quotedScalar(c === "'")
    else if (this.startsPlain(c)) yield* this.plainScalar()
    else throw scanError('found character that cannot start any token', reader.line)
  }

  private startsPlain(c: string): boolean {
    if (c === '-') return !isBlank(this.reader.code(1))
    return !'?:,[]{}#&*!|>\'"%@`\t'.includes(c) || (this.flow === 0 && (c === '?' || c === ':'))
  }

  /** Over blanks, comments and ends of lines. */
  private *toNextToken(): Steps<void> {
    const { reader } = this
    for (;;) {
      reader.match(this.flow > 0 || !this.keyAllowed ? BLANKS : SPACES)
      if (reader.char() === '#') reader.toLineEnd()
      if (!isBreak(reader.code())) return
      reader.skipBreak()
      if (reader.stepIsOver()) yield
      if (this.flow === 0) this.keyAllowed = true
    }
  }

  /** Closes blocks that are indented more than this column. */
  private unroll(column: number): void {
    if (this.flow > 0) return
    for (; this.indent > column; this.indent = this.indents.pop() ?? -1)
      this.add({ type: 'blockEnd', line: this.reader.line })
  }

  /** Opens a block when this column is indented more; its token is put before the one of that number. */
  private roll(column: number, type: 'blockSequence' | 'blockMapping', before?: SimpleKey): void {
    if (this.flow > 0 || this.indent >= column) return
    this.indents.push(this.indent)
    this.indent = column
    if (this.indents.length > DEPTH_MAX) throw syntaxError(`exceeded max depth of ${DEPTH_MAX}`)
    if (before) this.insert(before.token, { type, line: before.line })
    else this.add({ type, line: this.reader.line })
  }

  private saveKey(): void {
    const { at, line, column } = this.reader
    if (!this.keyAllowed) return
    this.removeKey()
    const token = this.taken + this.queue.length - this.head
    const key = { required: this.flow === 0 && this.indent === column, token, at, line, column }
    this.keys[this.flow] = key
    this.keysByToken.set(token, key)
  }

  private removeKey(): void {
    const key = this.keys.at(-1)
    if (!key || this.keysByToken.get(key.token) !== key) return
    if (key.required) throw scanError("could not find expected ':'", this.reader.line, key.line)
    this.keysByToken.delete(key.token)
  }

  private end(): void {
    if (this.reader.column !== 0) this.reader.line++
    this.unroll(-1)
    this.removeKey()
    this.keyAllowed = false
    this.done = true
    this.add({ type: 'end', line: this.reader.line })
  }

  private directive(): void {
    const { reader } = this
    this.unroll(-1)
    this.removeKey()
    this.keyAllowed = false
    const { line } = reader
    reader.at++
    const name = reader.match(/[0-9A-Za-z_-]*/y)
    const refuse = (problem: string) => scanError(problem, reader.line, line)
    if (name === '') throw refuse('could not find expected directive name')
    if (!isBlankOrEnd(reader.code())) throw refuse('found unexpected non-alphabetical character')
    if (name !== 'YAML' && name !== 'TAG') throw refuse('found unknown directive name')
    const start = reader.at
    reader.toLineEnd()
    this.add({ type: 'directive', line, text: name + reader.text.slice(start, reader.at) })
  }

  private document(type: 'documentStart' | 'documentEnd'): void {
    this.unroll(-1)
    this.removeKey()
    this.keyAllowed = false
    this.mark(type, 3)
  }

  private openFlow(type: '[' | '{'): void {
    this.saveKey()
    if (this.keys.push(undefined) - 1 > DEPTH_MAX) throw syntaxError(`exceeded max depth of ${DEPTH_MAX}`)
    this.keyAllowed = true
    this.mark(type)
  }

  private closeFlow(type: ']' | '}'): void {
    this.removeKey()
    if (this.flow > 0) this.keys.pop()
    this.keyAllowed = false
    this.mark(type)
  }

  private flowEntry(): void {
    this.removeKey()
    this.keyAllowed = true
    this.mark(',')
  }

  private blockEntry(): void {
    if (this.flow === 0) {
      if (!this.keyAllowed) throw this.notHere('block sequence entries')
      this.roll(this.reader.column, 'blockSequence')
    }
    this.removeKey()
    this.keyAllowed = true
    this.mark('entry')
  }

  private key(): void {
    if (this.flow === 0) {
      if (!this.keyAllowed) throw this.notHere('mapping keys')
      this.roll(this.reader.column, 'blockMapping')
    }
    this.removeKey()
    this.keyAllowed = this.flow === 0
    this.mark('key')
  }

  private value(): void {
    const key = this.possibleKey()
    if (key) {
      this.insert(key.token, { type: 'key', line: key.line })
      this.roll(key.column, 'blockMapping', key)
      this.keysByToken.delete(key.token)
      this.keyAllowed = false
    } else {
      if (this.flow === 0) {
        if (!this.keyAllowed) throw this.notHere('mapping values')
        this.roll(this.reader.column, 'blockMapping')
      }
      this.keyAllowed = this.flow === 0
    }
    this.mark('value')
  }

  private notHere(what: string) {
    return scanError(`${what} are not allowed in this context`, this.reader.line)
  }

  private name(type: 'anchor' | 'alias'): void {
    const { reader } = this
    this.saveKey()
    this.keyAllowed = false
    const { line } = reader
    reader.at++
    const text = reader.match(/[0-9A-Za-z_-]*/y)
    if (text === '' || (!isBlankOrEnd(reader.code()) && !'?:,]}%@`'.includes(reader.char())))
      throw scanError('did not find expected alphabetic or numeric character', reader.line, line)
    this.add({ type, line, text })
  }

  private tag(): void {
    const { reader } = this
    this.saveKey()
    this.keyAllowed = false
    const { line } = reader
    const text = reader.match(/!(?:<[^>\s]*>|[\w\-;/?:@&=+$,.!~*'()[\]%]*)/y)
    if (text.length > 1 && text.endsWith('!')) throw scanError('did not find expected tag URI', reader.line, line)
    if (!isBlankOrEnd(reader.code()))
      throw scanError('did not find expected whitespace or line break', reader.line, line)
    this.add({ type: 'tag', line, text })
  }

  private *quotedScalar(single: boolean): Steps<void> {
    this.saveKey()
    this.keyAllowed = false
    const { line } = this.reader
    this.add({ type: 'scalar', line, text: yield* quotedScalar(this.reader, single), plain: false })
  }

  private *plainScalar(): Steps<void> {
    this.saveKey()
    const { line } = this.reader
    const { text, atLineStart } = yield* plainScalar(this.reader, { indent: this.indent + 1, flow: this.flow > 0 })
    this.keyAllowed = atLineStart
    this.add({ type: 'scalar', line, text, plain: true })
  }

  private *blockScalar(literal: boolean): Steps<void> {
    this.removeKey()
    this.keyAllowed = true
    const { line } = this.reader
    this.add({ type: 'scalar', line, text: yield* blockScalar(this.reader, literal, this.indent), plain: false })
  }
}
