/**
 * YAML as Kubernetes reads it. Load this file when the first YAML arrives, not the package: a bundle gives a
 * CommonJS package no names when it is imported dynamically.
 */
import * as yaml from 'yaml'

/** A text that is no YAML, with the sentence of Go's parser. */
export class YamlSyntaxError extends Error {
  override readonly name = 'YamlSyntaxError'
}

export interface ParsedYaml {
  readonly value: unknown
  /** `line 7: key "a" already set in map`, in the order of the text. */
  readonly duplicates: readonly string[]
}

type Tags = NonNullable<Parameters<typeof yaml.parseDocument>[1]>['customTags']

/** YAML 1.1 without dates and base 60, merge keys on: `yes` is true, `010` is 8, `12:30:45` is text. Throws YamlSyntaxError. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new yaml.LineCounter()
  const skipped = new Set(['timestamp', 'intTime', 'floatTime', 'binary', 'set', 'omap', 'pairs'])
  const customTags = ((tags: readonly unknown[]) =>
    tags.filter((tag) => !skipped.has(typeof tag === 'string' ? tag : tagName(tag))).map(withoutLoneDot)) as Tags
  const document = yaml.parseDocument(text, {
    version: '1.1',
    merge: true,
    uniqueKeys: false,
    lineCounter: lines,
    ...(customTags ? { customTags } : {}),
  })
  const error = document.errors[0]
  if (error) throw new YamlSyntaxError(sentence(error.code, error.message, lineOf(error, text)))
  const duplicates: string[] = []
  yaml.visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>()
      for (const { key } of map.items) {
        if (!yaml.isScalar(key) || key.value === '<<') continue
        const name = String(key.value)
        if (seen.has(name)) {
          const line = lines.linePos(key.range?.[0] ?? 0).line
          duplicates.push(`line ${line}: key ${JSON.stringify(name)} already set in map`)
        }
        seen.add(name)
      }
    },
  })
  return { value: document.toJS({ mapAsMap: false }), duplicates }
}

/** Go's parser names the line where it gave up: for a mapping inside a value, that of the second colon. */
function lineOf(error: { code: string; pos: [number, number]; linePos?: { line: number }[] }, text: string): number {
  if (error.code !== 'BLOCK_AS_IMPLICIT_KEY') return error.linePos?.[0]?.line ?? 1
  const colon = text.slice(error.pos[0]).search(/:(\s|$)/)
  return text.slice(0, error.pos[0] + Math.max(colon, 0)).split('\n').length
}

/** YAML 1.1 takes `.` for a number; Go's parser does not. */
function withoutLoneDot(tag: unknown): unknown {
  const { tag: full, test } = tag as { tag?: string; test?: RegExp }
  if (full !== 'tag:yaml.org,2002:float' || !test?.test('.')) return tag
  return { ...(tag as object), test: /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/ }
}

/** The short name of a tag object, as `customTags` names it. */
function tagName(tag: unknown): string {
  const { tag: full = '', format } = tag as { tag?: string; format?: string }
  if (format === 'TIME') return full.endsWith(':int') ? 'intTime' : 'floatTime'
  return full.slice(full.lastIndexOf(':') + 1)
}

/** Go's YAML parser's words for what the `yaml` package calls otherwise. */
function sentence(code: string, message: string, line: number): string {
  const at = (words: string) => `yaml: line ${line}: ${words}`
  if (code === 'BLOCK_AS_IMPLICIT_KEY' || /nested mappings/i.test(message))
    return at('mapping values are not allowed in this context')
  if (code === 'TAB_AS_INDENT') return at('found character that cannot start any token')
  if (/^Flow (map|sequence)|Expected flow/i.test(message)) return at('did not find expected node content')
  if (code === 'MISSING_CHAR' && /quote/.test(message)) return at('found unexpected end of stream')
  if (code === 'MISSING_CHAR') return at("could not find expected ':'")
  if (code === 'BAD_ALIAS') return at('unknown anchor referenced')
  if (code === 'BAD_INDENT') return at('did not find expected key')
  return at('did not find expected node content')
}
