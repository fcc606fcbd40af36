import { inKorean, type Text } from './text.ts'

/** An error for the person at the terminal: one sentence that says what, where, and the way out. Exit code 1 (2 for wrong usage). */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly text: Text
  readonly exitCode: number
  /** An English sentence is one of another part of ebb, whose Korean `text.ts` knows. */
  constructor(message: Text | string, exitCode = 1) {
    const text = typeof message === 'string' ? { en: message, ko: inKorean(message) } : message
    super(text.en)
    this.text = text
    this.exitCode = exitCode
  }
}
