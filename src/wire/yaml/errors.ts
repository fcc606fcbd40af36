/** A text that is no YAML, in the words of Kubernetes' YAML library: `yaml: line 3: did not find expected key`. */
export class YamlSyntaxError extends Error {
  override readonly name = 'YamlSyntaxError'
}

/** Lines count from 0; the library says them from 1 where the scanner fails, from 0 where the parser does, and never says 0. */
export function scanError(problem: string, line: number, contextLine = 0): YamlSyntaxError {
  return syntaxError(problem, line > 0 ? line + 1 : contextLine)
}

export function parseError(problem: string, line: number, contextLine = 0): YamlSyntaxError {
  return syntaxError(problem, line || contextLine)
}

export function syntaxError(problem: string, line = 0): YamlSyntaxError {
  return new YamlSyntaxError(`yaml: ${line > 0 ? `line ${line}: ` : ''}${problem}`)
}
