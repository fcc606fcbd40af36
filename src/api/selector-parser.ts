/** The grammar of label selectors' text form. Every failure is a sentence that clients of Kubernetes know. */

export type Operator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  /** Sorted, without repetitions. */
  readonly values: readonly string[]
}

export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

type TokenType = 'identifier' | 'end' | Operator | '(' | ')' | ','

interface Token {
  readonly type: TokenType
  readonly text: string
}

const SYMBOLS = new Set(['=', '==', '!=', '!', '>', '<', '(', ')', ','])
const BINARY = 'in, notin, =, ==, !=, gt, lt'

function tokens(text: string): Token[] {
  const out: Token[] = []
  for (const [lexeme] of text.matchAll(/[=!(),><]+|[^\s=!(),><]+/g)) {
    if (!/^[=!(),><]/.test(lexeme)) {
      out.push({ type: lexeme === 'in' || lexeme === 'notin' ? lexeme : 'identifier', text: lexeme })
      continue
    }
    for (let rest = lexeme; rest; ) {
      const symbol = SYMBOLS.has(rest.slice(0, 2)) ? rest.slice(0, 2) : rest.slice(0, 1)
      out.push({ type: symbol as TokenType, text: symbol })
      rest = rest.slice(symbol.length)
    }
  }
  return out
}

/** Requirements in the order of the text; `check` refuses keys and values that no label has. */
export function parseRequirements(text: string, check: (requirement: Requirement) => Requirement): Requirement[] {
  return new Parser(tokens(text), check).all()
}

const END: Token = { type: 'end', text: '' }

class Parser {
  private readonly tokens: readonly Token[]
  private readonly check: (requirement: Requirement) => Requirement
  private at = 0

  constructor(list: readonly Token[], check: (requirement: Requirement) => Requirement) {
    this.tokens = list
    this.check = check
  }

  /** Where a value or key is due, `in` and `notin` are ordinary words. */
  private look(): Token {
    const token = this.tokens[this.at] ?? END
    return token.type === 'in' || token.type === 'notin' ? { type: 'identifier', text: token.text } : token
  }

  private take(): Token {
    const token = this.look()
    this.at++
    return token
  }

  all(): Requirement[] {
    const out: Requirement[] = []
    for (;;) {
      const { type, text } = this.look()
      if (type === 'end') return out
      if (type !== 'identifier' && type !== '!')
        throw new SelectorError(`found '${text}', expected: !, identifier, or 'end of string'`)
      out.push(this.named())
      const next = this.take()
      if (next.type === 'end') return out
      if (next.type !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`)
      const after = this.look()
      if (after.type !== 'identifier' && after.type !== '!')
        throw new SelectorError(`found '${after.text}', expected: identifier after ','`)
    }
  }

  private named(): Requirement {
    try {
      return this.check(this.requirement())
    } catch (error) {
      throw error instanceof SelectorError ? new SelectorError(`unable to parse requirement: ${error.message}`) : error
    }
  }

  private requirement(): Requirement {
    let key = this.take()
    const absent = key.type === '!'
    if (absent) key = this.take()
    if (key.type !== 'identifier') throw new SelectorError(`found '${key.text}', expected: identifier`)
    if (absent) return { key: key.text, operator: '!', values: [] }
    const next = this.look().type
    if (next === 'end' || next === ',') return { key: key.text, operator: 'exists', values: [] }
    const operator = this.operator()
    const values = operator === 'in' || operator === 'notin' ? this.values() : [this.value()]
    return { key: key.text, operator, values: [...new Set(values)].sort() }
  }

  private operator(): Operator {
    const token = this.tokens[this.at++] ?? END
    switch (token.type) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
      case '>':
      case '<':
        return token.type
      default:
        throw new SelectorError(`found '${token.text}', expected: ${BINARY}`)
    }
  }

  private value(): string {
    const { type } = this.look()
    if (type === 'end' || type === ',') return ''
    const token = this.take()
    if (token.type === 'identifier') return token.text
    throw new SelectorError(`found '${token.text}', expected: identifier`)
  }

  private values(): string[] {
    const open = this.take()
    if (open.type !== '(') throw new SelectorError(`found '${open.text}' expected: '('`)
    const first = this.look()
    if (first.type === ')') {
      this.at++
      return []
    }
    if (first.type !== 'identifier' && first.type !== ',')
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`)
    const out = this.list()
    const close = this.take()
    if (close.type !== ')') throw new SelectorError(`found '${close.text}', expected: ')'`)
    return out
  }

  /** `a,b`, `,a`, `a,` and `a,,b`: an empty place is an empty value. */
  private list(): string[] {
    const out: string[] = []
    for (;;) {
      const token = this.take()
      const next = this.look()
      if (token.type === 'identifier') {
        out.push(token.text)
        if (next.type === ')') return out
        if (next.type !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`)
      } else if (token.type === ',') {
        if (out.length === 0) out.push('')
        if (next.type === ')') return [...out, '']
        if (next.type === ',') {
          this.at++
          out.push('')
        }
      } else throw new SelectorError(`found '${token.text}', expected: ',', or identifier`)
    }
  }
}
