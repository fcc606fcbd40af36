/** Text in columns on a terminal: Korean syllables are two columns wide. Pure. */

/** Columns that a text takes on a terminal. Escape sequences for colours take none. */
export function width(text: string): number {
  let columns = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with ESC
  for (const char of text.replace(/\u001b\[[0-9;]*m/g, '')) columns += isWide(char.codePointAt(0) ?? 0) ? 2 : 1
  return columns
}

/** Hangul, CJK, kana and full-width forms (Unicode UAX 11, the ranges that our texts can hold). */
function isWide(code: number): boolean {
  return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xd7a3) || (code >= 0xff00 && code <= 0xff60)
}

export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - width(text), 0))
}

export function padLeft(text: string, columns: number): string {
  return ' '.repeat(Math.max(columns - width(text), 0)) + text
}

/** Cuts a text that is too wide, at the end. */
export function fit(text: string, columns: number): string {
  if (width(text) <= columns) return text
  let cut = ''
  for (const char of text) {
    if (width(cut + char) > columns - 1) break
    cut += char
  }
  return `${cut}…`
}

/** Breaks at blanks into lines of at most `columns`. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line ? `${line} ${word}` : word
    if (width(longer) > columns && line) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}
