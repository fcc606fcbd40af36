/** An error for the person at the terminal: one sentence that says what, where, and the way out. Exit code 1 (2 for wrong usage). */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}
