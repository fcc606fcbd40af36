/** Field selectors: `metadata.name=a,status.phase!=Running`. Which fields a kind knows is the declaration's affair. */
import { SelectorError } from './selector-parser.ts'

export interface FieldTerm {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/** Terms in the order of the text. Throws SelectorError with Kubernetes' sentence. `\,` `\=` and `\\` are escapes in values. */
export function parseFieldSelector(text: string): readonly FieldTerm[] {
  const terms: FieldTerm[] = []
  for (const [part] of text.matchAll(/(?:\\[\s\S]|[^,\\])+/g)) {
    const m = /^((?:\\[\s\S]|[^=!\\]|!(?!=))*)(!=|==|=)([\s\S]*)$/.exec(part)
    if (!m) throw new SelectorError(`invalid selector: '${text}'; can't understand '${part}'`)
    const [, field = '', operator, value = ''] = m
    terms.push({ field, operator: operator === '!=' ? '!=' : '=', value: unescaped(value, text) })
  }
  return terms
}

function unescaped(value: string, text: string): string {
  const wrong = /(?<!\\)(?:\\\\)*(?:[=,]|\\[^=,\\]|\\$)/.exec(value)
  if (wrong)
    throw new SelectorError(`invalid field selector: invalid value ${JSON.stringify(value)} in ${JSON.stringify(text)}`)
  return value.replace(/\\([\s\S])/g, '$1')
}

/** Whether all terms hold, given how to read a field. */
export function matchesFields(terms: readonly FieldTerm[], read: (field: string) => string): boolean {
  return terms.every(({ field, operator, value }) => (read(field) === value) === (operator === '='))
}
