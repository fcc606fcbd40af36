/**
 * YAML as Kubernetes writes it, made while it is written: keys sorted, lists not indented, texts quoted where they could be read as
 * something else. The structure is ours; how a text that is not plain is quoted is the `yaml` package's, asked for that text alone.
 * Load this file when the first YAML is wanted, not the package: a bundle gives a CommonJS package no names when it is imported
 * dynamically.
 */
import * as yaml from 'yaml'

/** Texts whose quoting is remembered; when there are more all are forgotten. Longer ones, in characters, are not remembered. */
const MEMO_MAX = 10_000
const MEMO_TEXT_MAX = 100

/** Longer keys, in characters, have a form of their own. */
const PLAIN_KEY_MAX = 1_000

/** Size of what is given out at a time, in characters, or a little more. */
const CHUNK_CHARACTERS = 32 * 1024

const OPTIONS = {
  version: '1.1',
  sortMapEntries: true,
  lineWidth: 0,
  indentSeq: false,
  aliasDuplicateObjects: false,
} as const

const encoder = new TextEncoder()

/** A JSON value as YAML. Lists may be any iterables that are not empty, and are read as their turn comes. */
export function* yamlPieces(value: unknown): Iterable<Uint8Array> {
  let text = ''
  for (const piece of lines(value)) {
    text += piece
    if (text.length < CHUNK_CHARACTERS) continue
    yield encoder.encode(text)
    text = ''
  }
  yield encoder.encode(text)
}

export function writeYaml(value: unknown): string {
  return [...lines(value)].join('')
}

type Collection = Iterable<unknown> | Readonly<Record<string, unknown>>

const isCollection = (value: unknown): value is Collection => typeof value === 'object' && value !== null
const isList = (value: Collection): value is Iterable<unknown> => Symbol.iterator in value

function lines(value: unknown): Iterable<string> {
  if (isCollection(value) && !emptyText(value)) return block(value, '', '')
  return [`${isCollection(value) ? emptyText(value) : scalarText(value, '')}\n`]
}

/** The entries of a collection: before the first of them stands `first`, before the others `indent`. */
function* block(value: Collection, first: string, indent: string): Iterable<string> {
  let before = first
  if (isList(value))
    for (const item of value) {
      yield* entry(item, `${before}-`, { parent: indent, inList: true })
      before = indent
    }
  else
    for (const key of Object.keys(value).sort()) {
      const inner = value[key]
      if (inner === undefined) continue
      if (key.length > PLAIN_KEY_MAX) yield before + moved(yaml.stringify({ [key]: inner }, OPTIONS), indent)
      else yield* entry(inner, `${before}${keyText(key)}:`, { parent: indent, inList: false })
      before = indent
    }
}

/** A value behind its dash or key. In a list a collection begins on the line of the dash. */
function* entry(
  value: unknown,
  head: string,
  { parent, inList }: { parent: string; inList: boolean },
): Iterable<string> {
  if (!isCollection(value)) yield `${head} ${scalarText(value, parent)}\n`
  else if (emptyText(value)) yield `${head} ${emptyText(value)}\n`
  else if (inList) yield* block(value, `${head} `, `${parent}  `)
  else {
    yield `${head}\n`
    const indent = isList(value) ? parent : `${parent}  `
    yield* block(value, indent, indent)
  }
}

function emptyText(value: Collection): string | undefined {
  if (isList(value)) return Array.isArray(value) && value.length === 0 ? '[]' : undefined
  for (const key in value) if (value[key] !== undefined) return undefined
  return '{}'
}

function scalarText(value: unknown, parent: string): string {
  if (typeof value === 'string') return moved(text(value), parent)
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'boolean' || (Number.isSafeInteger(value) && !Object.is(value, -0))) return String(value)
  return yaml.stringify(value, OPTIONS).trimEnd()
}

/** The same lines further in. */
const moved = (lines: string, indent: string) =>
  indent === '' || !lines.includes('\n') ? lines : lines.replace(/\n(?=[^\n])/g, `\n${indent}`)

/** Letters, digits and a little more, beginning with a letter: nothing that could be read as something else but these words. */
const PLAIN = /^[A-Za-z][\w./-]*\w$/
const WORDS = /^(?:y|yes|n|no|true|false|on|off|null)$/i
const UID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const QUOTED = /^(?:0|[1-9]\d*|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)$/

const texts = new Map<string, string>()

/** As a value of a map that stands at the margin. */
function text(value: string): string {
  if (PLAIN.test(value) && !WORDS.test(value)) return value
  if (QUOTED.test(value)) return `"${value}"`
  if (UID.test(value)) return value
  if (value.length > MEMO_TEXT_MAX) return quoted(value)
  return remembered(texts, value, quoted)
}

const quoted = (value: string) => yaml.stringify({ k: value }, OPTIONS).slice('k: '.length, -1)

const keys = new Map<string, string>()

const keyText = (key: string): string =>
  remembered(keys, key, () => {
    // Go's writer does not take a lone dot for a number.
    if (key === '.') return key
    return yaml.stringify({ [key]: null }, OPTIONS).slice(0, -': null\n'.length)
  })

function remembered(memo: Map<string, string>, value: string, make: (value: string) => string): string {
  const known = memo.get(value)
  if (known !== undefined) return known
  if (memo.size >= MEMO_MAX) memo.clear()
  const made = make(value)
  memo.set(value, made)
  return made
}
