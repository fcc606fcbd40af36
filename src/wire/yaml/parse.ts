/**
 * From the text of a YAML document to JSON data, as Kubernetes' library (YAML 1.1, goyaml.v2) reads it, with its errors: one pass,
 * nothing looked at twice. Aliases share what they name; how much they would unfold to is counted and limited.
 *
 *   parseYaml('a: &x {b: yes}\nc: {<<: *x, d: 010}\n').value   // { a: { b: true }, c: { b: true, d: 8 } }
 */
import { goQuote } from '../../api/go-quote.ts'
import { setMember } from '../../api/patch/json-value.ts'
import { atOnce, type Steps } from '../../base/steps.ts'
import { MEMBERS_MAX, tooManyMembers, tooManyValues, VALUES_MAX } from '../limits.ts'
import { parseError, syntaxError, YamlSyntaxError } from './errors.ts'
import { resolvePlain, resolveTagged, shortTag } from './resolve.ts'
import { Scanner, type Token } from './scanner.ts'

export { YamlSyntaxError }

export interface ParsedYaml {
  readonly value: unknown
  /** `line 7: key "a" already set in map`, in the order of the text. */
  readonly duplicates: readonly string[]
}

/** Values that all aliases and merges of a text unfold to, together; Kubernetes' library lets some 400,000 pass. */
const ALIASED_VALUES_MAX = 10_000

/** Values that are read in one step. */
const STEP_VALUES = 1000

/** Repeated keys beyond these are not told. */
const DUPLICATES_MAX = 100

/** The first document of the text; of an empty one null. Throws YamlSyntaxError, and ApiError 413 for too many values. */
export const parseYaml = (text: string): ParsedYaml => atOnce(yamlSteps(text))

export function* yamlSteps(text: string): Steps<ParsedYaml> {
  const parser = new Parser(new Scanner(text))
  try {
    return { value: yield* parser.document(), duplicates: parser.duplicates }
  } catch (error) {
    throw error instanceof RangeError ? syntaxError('exceeded max depth of 10000') : error
  }
}

interface Node {
  readonly value: unknown
  /** How many values it unfolds to, itself included. */
  readonly size: number
  readonly line: number
  /** A scalar that is a merge key. */
  readonly merges?: true
}

type Entries = { [key: string]: unknown }

class Parser {
  readonly duplicates: string[] = []
  private readonly scanner: Scanner
  /** undefined: its value is being read. */
  private readonly anchors = new Map<string, Node | undefined>()
  private readonly handles = new Map<string, string>()
  private aliased = 0
  private values = 0
  /** The first thing that is good YAML and yet no data. It is told when the whole text has turned out to be good YAML. */
  private wrong: unknown

  constructor(scanner: Scanner) {
    this.scanner = scanner
  }

  *document(): Steps<unknown> {
    yield* this.scanner.fill()
    if (this.is('end')) return null
    const empty = this.opening() && this.is('documentStart', 'documentEnd', 'end', 'directive')
    const { value } = empty ? this.nothing() : yield* this.node({ block: true })
    // What follows is another document, which nobody asks for; but its first token must be one.
    this.scanner.peek()
    if (this.wrong) throw this.wrong
    return value
  }

  /** Directives and the mark of a document; false: it begins without. */
  private opening(): boolean {
    if (!this.is('directive', 'documentStart')) return false
    while (this.is('directive')) {
      const { text } = this.scanner.take() as Token & { text: string }
      const [name, handle = '', prefix = ''] = text.trim().split(/\s+/)
      if (name === 'TAG') this.handles.set(handle, prefix)
      else if (handle !== '1.1') throw syntaxError('found incompatible YAML document')
    }
    const token = this.scanner.take()
    if (token.type !== 'documentStart') throw parseError('did not find expected <document start>', token.line)
    return true
  }

  private is(...types: readonly Token['type'][]): boolean {
    return types.includes(this.scanner.peek().type)
  }

  private nothing(): Node {
    return { value: null, size: 1, line: this.scanner.peek().line }
  }

  /** `indentless`: a sequence may stand here without being indented more. */
  private *node({ block = false, indentless = false }: { block?: boolean; indentless?: boolean } = {}): Steps<Node> {
    yield* this.scanner.fill()
    const first = this.scanner.peek()
    if (first.type === 'alias') return this.alias()
    const { anchor, tag } = this.properties()
    if (anchor !== undefined) this.anchors.set(anchor, undefined)
    if (++this.values > VALUES_MAX) throw tooManyValues()
    if (this.values % STEP_VALUES === 0) yield
    const made = yield* this.content({
      block,
      indentless,
      tag,
      empty: anchor !== undefined || tag !== undefined,
      line: first.line,
    })
    if (anchor !== undefined) this.anchors.set(anchor, made)
    return made
  }

  private alias(): Node {
    const { text, line } = this.scanner.take() as Token & { text: string }
    const node = this.anchors.get(text)
    if (!node)
      throw syntaxError(
        this.anchors.has(text) ? `anchor '${text}' value contains itself` : `unknown anchor '${text}' referenced`,
      )
    this.aliased += node.size
    if (this.aliased > ALIASED_VALUES_MAX) throw syntaxError('document contains excessive aliasing')
    return { value: node.value, size: node.size, line }
  }

  private properties(): { anchor: string | undefined; tag: string | undefined } {
    let anchor: string | undefined
    let tag: string | undefined
    for (;;) {
      const token = this.scanner.peek()
      if (token.type === 'anchor' && anchor === undefined) anchor = token.text
      else if (token.type === 'tag' && tag === undefined) tag = this.tag(token.text, token.line)
      else return { anchor, tag }
      this.scanner.take()
    }
  }

  private tag(text: string, line: number): string {
    const handle = /^![\w-]+!/.exec(text)?.[0]
    if (handle === undefined) return shortTag(text)
    const prefix = this.handles.get(handle)
    if (prefix === undefined) throw parseError('found undefined tag handle', line)
    return shortTag(prefix + text.slice(handle.length))
  }

  private *content(at: {
    block: boolean
    indentless: boolean
    tag: string | undefined
    empty: boolean
    line: number
  }): Steps<Node> {
    const token = this.scanner.peek()
    if (token.type === 'entry' && at.indentless) return yield* this.sequence(token.line, true)
    if (token.type === 'scalar') return this.scalar(at.tag)
    if (token.type === '[') return yield* this.flowSequence()
    if (token.type === '{') return yield* this.flowMapping()
    if (at.block && token.type === 'blockSequence') return yield* this.sequence(this.scanner.take().line, false)
    if (at.block && token.type === 'blockMapping') return yield* this.mapping()
    if (!at.empty) throw parseError('did not find expected node content', token.line, at.line)
    const value = at.tag === undefined ? null : this.tried(() => resolveTagged(at.tag ?? '', ''))
    return { value, size: 1, line: token.line }
  }

  private scalar(tag: string | undefined): Node {
    const { text, plain, line } = this.scanner.take() as Token & { type: 'scalar' }
    const bare = plain && tag === undefined
    const value = this.tried(() => (bare ? resolvePlain(text) : tag === undefined ? text : resolveTagged(tag, text)))
    return { value, size: 1, line, ...(text === '<<' && (bare || tag === '!!merge') ? { merges: true } : {}) }
  }

  private tried<T>(make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof YamlSyntaxError)) throw error
      this.wrong ??= error
      return undefined
    }
  }

  private *sequence(line: number, indentless: boolean): Steps<Node> {
    const list = new ListBuilder(line)
    while (this.is('entry')) {
      this.scanner.take()
      yield* this.scanner.fill()
      const empty = indentless ? this.is('entry', 'key', 'value', 'blockEnd') : this.is('entry', 'blockEnd')
      list.add(empty ? this.nothing() : yield* this.node({ block: true }))
    }
    if (indentless) return list.done()
    const token = this.scanner.take()
    if (token.type !== 'blockEnd') throw parseError("did not find expected '-' indicator", token.line, line)
    return list.done()
  }

  private *mapping(): Steps<Node> {
    const { line } = this.scanner.take()
    const map = this.mapBuilder(line)
    for (yield* this.scanner.fill(); this.is('key'); yield* this.scanner.fill()) {
      this.scanner.take()
      const key = yield* this.part()
      map.add(key, this.takes('value') ? yield* this.part() : this.nothing())
    }
    const token = this.scanner.take()
    if (token.type !== 'blockEnd') throw parseError('did not find expected key', token.line, line)
    return map.done()
  }

  private *part(): Steps<Node> {
    yield* this.scanner.fill()
    if (this.is('key', 'value', 'blockEnd')) return this.nothing()
    return yield* this.node({ block: true, indentless: true })
  }

  private takes(type: Token['type']): boolean {
    if (!this.is(type)) return false
    this.scanner.take()
    return true
  }

  /** Over the comma before all but the first part of a flow collection; false at its end. */
  private nextPart(close: ']' | '}', first: boolean, contextLine: number): boolean {
    if (!first && !this.is(close)) {
      const token = this.scanner.take()
      if (token.type !== ',') throw parseError(`did not find expected ',' or '${close}'`, token.line, contextLine)
    }
    return !this.takes(close)
  }

  private *flowSequence(): Steps<Node> {
    const { line } = this.scanner.take()
    const list = new ListBuilder(line)
    for (let first = true; this.nextPart(']', first, line); first = false) {
      if (!this.is('key')) list.add(yield* this.node())
      else {
        // A pair among the elements is a mapping of its own.
        const map = this.mapBuilder(this.scanner.take().line)
        const key = this.is('value', ',', ']') ? this.nothing() : yield* this.node()
        map.add(key, this.takes('value') && !this.is(',', ']') ? yield* this.node() : this.nothing())
        list.add(map.done())
      }
    }
    return list.done()
  }

  private *flowMapping(): Steps<Node> {
    const { line } = this.scanner.take()
    const map = this.mapBuilder(line)
    for (let first = true; this.nextPart('}', first, line); first = false) {
      if (!this.takes('key')) map.add(yield* this.node(), this.nothing())
      else {
        const key = this.is('value', ',', '}') ? this.nothing() : yield* this.node()
        map.add(key, this.takes('value') && !this.is(',', '}') ? yield* this.node() : this.nothing())
      }
    }
    return map.done()
  }

  private mapBuilder(line: number): MapBuilder {
    return new MapBuilder(line, {
      tried: (make) => this.tried(make),
      duplicate: (text) => {
        if (this.duplicates.length < DUPLICATES_MAX) this.duplicates.push(text)
      },
    })
  }
}

class ListBuilder {
  private readonly value: unknown[] = []
  private readonly line: number
  private size = 1

  constructor(line: number) {
    this.line = line
  }

  add(item: Node): void {
    if (this.value.push(item.value) > MEMBERS_MAX) throw tooManyMembers()
    this.size += item.size
  }

  done(): Node {
    return { value: this.value, size: this.size, line: this.line }
  }
}

interface Notes {
  tried(make: () => void): void
  duplicate(text: string): void
}

class MapBuilder {
  private readonly value: Entries = {}
  private readonly seen = new Set<unknown>()
  private readonly line: number
  private readonly notes: Notes
  private size = 1
  private members = 0

  constructor(line: number, notes: Notes) {
    this.line = line
    this.notes = notes
  }

  add(key: Node, { value, size }: Node): void {
    if (++this.members > MEMBERS_MAX) throw tooManyMembers()
    this.size += size + 1
    this.notes.tried(() => (key.merges ? this.merge(value) : this.set(key, value)))
  }

  private set(key: Node, value: unknown): void {
    const name = keyText(key.value, value)
    if (this.seen.has(key.value))
      this.notes.duplicate(`line ${key.line + 1}: key ${shownKey(key.value)} already set in map`)
    this.seen.add(key.value)
    setMember(this.value, name, value)
  }

  /** The members of one mapping, or of several, of which the first has precedence. They replace what is there; an alias has counted them. */
  private merge(value: unknown): void {
    const sources = Array.isArray(value) ? value.toReversed() : [value]
    for (const source of sources) {
      if (!isMapping(source)) throw syntaxError('map merge requires map or sequence of maps as the value')
      for (const [name, member] of Object.entries(source)) setMember(this.value, name, member)
    }
  }

  done(): Node {
    return { value: this.value, size: this.size, line: this.line }
  }
}

const isMapping = (value: unknown): value is Entries =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON's keys are texts: numbers and booleans become some, anything else is none. */
function keyText(key: unknown, value: unknown): string {
  if (typeof key === 'string') return key
  if (typeof key === 'number' || typeof key === 'boolean') return String(key)
  if (key !== null) throw syntaxError(`invalid map key: ${goValue(key)}`)
  throw new YamlSyntaxError(
    `unsupported map key of type: %!s(<nil>), key: <nil>, value: ${value === null ? '<nil>' : goValue(value)}`,
  )
}

/** A value as Go's %#v prints it. */
function goValue(value: unknown): string {
  if (value === null) return 'interface {}(nil)'
  if (typeof value === 'string') return goQuote(value)
  if (Array.isArray(value)) return `[]interface {}{${value.map(goValue).join(', ')}}`
  if (!isMapping(value)) return String(value)
  const members = Object.entries(value).map(([key, member]) => `${goQuote(key)}:${goValue(member)}`)
  return `map[interface {}]interface {}{${members.sort().join(', ')}}`
}

const shownKey = (key: unknown) => (typeof key === 'string' ? goQuote(key) : String(key))
