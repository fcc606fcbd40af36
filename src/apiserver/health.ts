import type { ApiResponse } from '../wire/exchange.ts'
import { pageNotFound, textResponse } from './respond.ts'

/** One named check; undefined is fine, a text says what is wrong. */
export interface HealthCheck {
  readonly name: string
  /** Absent: on every path. */
  readonly only?: '/livez' | '/readyz'
  check(): string | undefined
}

const ROOTS = ['/healthz', '/livez', '/readyz']

/** Names that clients ask for; without a check of that name, what they speak of cannot be down while this answers. */
const ALWAYS_FINE = ['ping', 'log', 'etcd', 'informer-sync']

/** undefined: not a path of the health endpoints. */
export function health(path: string, query: URLSearchParams, checks: readonly HealthCheck[]): ApiResponse | undefined {
  const root = ROOTS.find((r) => path === r || path.startsWith(`${r}/`))
  if (!root) return undefined
  const given = checks.filter(({ only }) => only === undefined || only === root)
  const fine = ALWAYS_FINE.map((name) => given.find((check) => check.name === name) ?? { name, check: () => undefined })
  const all = [...fine, ...given.filter(({ name }) => !ALWAYS_FINE.includes(name))]
  const name = path.slice(root.length + 1)
  if (name) {
    const found = all.find((check) => check.name === name)
    return found ? single(found) : pageNotFound()
  }
  const excluded = query.getAll('exclude')
  return summary(
    root,
    query.has('verbose'),
    all.filter((check) => !excluded.includes(check.name)),
  )
}

function single(check: HealthCheck): ApiResponse {
  const problem = check.check()
  return problem ? textResponse(`internal server error: ${problem}\n`, 500) : textResponse('ok')
}

function summary(root: string, verbose: boolean, checks: readonly HealthCheck[]): ApiResponse {
  const lines = checks.map((check) => ({ name: check.name, problem: check.check() }))
  const failed = lines.some((line) => line.problem !== undefined)
  if (!failed && !verbose) return textResponse('ok')
  const text = lines
    .map(({ name, problem }) => (problem ? `[-]${name} failed: ${problem}\n` : `[+]${name} ok\n`))
    .join('')
  const verdict = `${root.slice(1)} check ${failed ? 'failed' : 'passed'}\n`
  return textResponse(text + verdict, failed ? 500 : 200)
}
