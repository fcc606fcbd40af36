/**
 * Which Pod Security Standard a namespace asks for, by its labels. Source: "Pod Security Admission" of the documentation,
 * k8s.io/pod-security-admission 1.36.
 *
 *   policyOf({ 'pod-security.kubernetes.io/enforce': 'baseline' }).policy.enforce   // { level: 'baseline', minor: Infinity }
 */
import { type FieldError, invalid } from '../../api/field-error.ts'

const LEVELS = ['privileged', 'baseline', 'restricted'] as const
export type Level = (typeof LEVELS)[number]

/** A standard as of a minor version of Kubernetes 1; Infinity is the latest. */
export interface Standard {
  readonly level: Level
  readonly minor: number
}

type Mode = 'enforce' | 'audit' | 'warn'
export type Policy = Readonly<Record<Mode, Standard>>

type Labels = Readonly<Record<string, string>> | undefined

const PREFIX = 'pod-security.kubernetes.io/'
const MODES: readonly Mode[] = ['enforce', 'audit', 'warn']
const OPEN: Standard = { level: 'privileged', minor: Number.POSITIVE_INFINITY }
/** A cluster without a configuration of its own lets everything through. */
const DEFAULTS: Policy = { enforce: OPEN, audit: OPEN, warn: OPEN }

/** `baseline:v1.30`, `restricted:latest`. */
export const standardText = ({ level, minor }: Standard): string =>
  `${level}:${Number.isFinite(minor) ? `v1.${minor}` : 'latest'}`

/** Above 0 when `a` forbids more than `b`. */
export const compareLevels = (a: Level, b: Level): number => LEVELS.indexOf(a) - LEVELS.indexOf(b)

/** There is always a policy. A label that cannot be read enforces the strictest, and neither audits nor warns. */
export function policyOf(labels: Labels): { policy: Policy; errors: readonly FieldError[] } {
  if (!labels || !saysSomething(labels)) return { policy: DEFAULTS, errors: [] }
  const errors: FieldError[] = []
  const read = <T>(name: string, parse: (text: string) => T | undefined, why: string): T | undefined => {
    const text = labels[PREFIX + name]
    const value = text === undefined ? undefined : parse(text)
    if (text !== undefined && value === undefined) errors.push(invalid(`metadata.labels[${PREFIX}${name}]`, text, why))
    return value
  }
  const standards = MODES.map((mode): [Mode, Standard] => {
    const level = read(mode, parseLevel, `must be one of ${LEVELS.join(', ')}`)
    const minor = read(`${mode}-version`, parseVersion, 'must be "latest" or "v1.x"') ?? OPEN.minor
    const unreadable = mode === 'enforce' && labels[PREFIX + mode] !== undefined ? 'restricted' : 'privileged'
    return [mode, { level: level ?? unreadable, minor }]
  })
  const policy = Object.fromEntries(standards) as Record<Mode, Standard>
  return { policy: { ...policy, warn: warnStandard(policy, labels) }, errors }
}

/** Most namespaces say nothing, and every pod asks its own. */
function saysSomething(labels: NonNullable<Labels>): boolean {
  for (const key in labels) if (key.startsWith(PREFIX)) return true
  return false
}

function parseLevel(text: string): Level | undefined {
  return LEVELS.find((level) => level === text)
}

function parseVersion(text: string): number | undefined {
  if (text === 'latest') return Number.POSITIVE_INFINITY
  const match = /^v1\.(\d|[1-9]\d*)$/.exec(text)
  return match ? Number(match[1]) : undefined
}

/** Who enforces a standard is also warned by it, unless the labels say of what to warn. */
function warnStandard({ enforce, warn }: Policy, labels: NonNullable<Labels>): Standard {
  if (labels[`${PREFIX}warn`] !== undefined || !parseLevel(labels[`${PREFIX}enforce`] ?? '')) return warn
  if (compareLevels(enforce.level, warn.level) <= 0) return warn
  return { level: enforce.level, minor: labels[`${PREFIX}warn-version`] === undefined ? enforce.minor : warn.minor }
}
