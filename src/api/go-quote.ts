/** A text as Go's %q prints it: in double quotes, with escapes for what cannot be seen. */

const NAMED: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** All but letters, marks, numbers, punctuation, symbols and the space; the two that have a meaning within quotes too. */
const ESCAPED = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu

export function goQuote(text: string): string {
  return `"${text.replace(ESCAPED, escaped)}"`
}

function escaped(c: string): string {
  const code = c.codePointAt(0) ?? 0
  const hex = (digits: number) => code.toString(16).padStart(digits, '0')
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd'
  return NAMED[c] ?? (code < 0x80 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`)
}
