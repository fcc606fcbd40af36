/**
 * The habits most kinds share, so that a declaration says only what is its own: a main strategy that starts with an empty status
 * and keeps it on updates, a status subresource that keeps everything else, columns by name, singular from the kind.
 */
import type { FieldError } from '../api/field-error.ts'
import { subdomainErrors } from '../api/names.ts'
import type { Draft, KubernetesObject } from '../api/object.ts'
import { COLUMNS } from './columns.gen.ts'
import type {
  ActionDeclaration,
  Context,
  ResourceDeclaration,
  ScaleDeclaration,
  SubresourceDeclaration,
  WriteStrategy,
} from './declaration.ts'
import { SCALE_TABLE } from './scale-table.ts'

interface WithStatus {
  status?: unknown
}

type Derived = 'singular' | 'nameErrors' | 'strategy' | 'columns' | 'subresources' | 'scale'

export interface KindRules<T extends KubernetesObject> extends Omit<ResourceDeclaration<T>, Derived> {
  /** Default: the kind in lower case. */
  readonly singular?: string
  /** Default: a DNS subdomain. */
  nameErrors?(name: string): readonly string[]
  /** Default: those of Kubernetes' Table of this resource. */
  readonly columns?: ResourceDeclaration<T>['columns']
  /**
   * `owned`: the status starts empty, main writes do not touch it, and there is a status subresource.
   * `open`: there is a status subresource, and creates may set the status too (Node). Left out: the kind has no status.
   */
  readonly status?: 'owned' | 'open'
  readonly scale?: Omit<ScaleDeclaration<T>, 'table'>
  /** The status of a new object. Default: {}. */
  emptyStatus?(): object
  /** After the status was reset or kept. */
  prepare?(draft: Draft<T>, old: T | undefined, context: Context): void
  validate?(object: T, old: T | undefined, context: Context): readonly FieldError[]
  warn?(object: T, old: T | undefined, context: Context): void
  admit?(object: T, old: T | undefined, context: Context): void
  /** Besides keeping all but metadata and status. */
  prepareStatus?(draft: Draft<T>, old: T, context: Context): void
  validateStatus?(object: T, old: T, context: Context): readonly FieldError[]
  /** Besides status. */
  readonly subresources?: readonly SubresourceDeclaration<T>[]
}

/** The way through the API server to what stands behind an object. */
export const proxyAction = (kind: string): ActionDeclaration => ({
  name: 'proxy',
  handler: 'proxy',
  kind: `${kind}ProxyOptions`,
  verbs: ['create', 'delete', 'get', 'patch', 'update'],
})

/** Completes the rules of a kind to a declaration. */
export function declare<T extends KubernetesObject>(rules: KindRules<T>): ResourceDeclaration<T> {
  const key = `${rules.group ? `${rules.group}/` : ''}${rules.version}/${rules.plural}`
  const { status, emptyStatus, prepare, validate, warn, admit, prepareStatus, validateStatus, scale, ...rest } = rules
  return {
    ...rest,
    singular: rules.singular ?? rules.kind.toLowerCase(),
    nameErrors: rules.nameErrors ?? subdomainErrors,
    columns: rules.columns ?? COLUMNS[key] ?? [],
    strategy: mainStrategy(rules),
    ...(scale ? { scale: { ...scale, table: SCALE_TABLE } } : {}),
    ...(status || rules.subresources
      ? {
          subresources: [
            ...(status
              ? [{ name: 'status', verbs: ['get', 'patch', 'update'] as const, strategy: statusStrategy(rules) }]
              : []),
            ...(rules.subresources ?? []),
          ],
        }
      : {}),
  }
}

function mainStrategy<T extends KubernetesObject>(rules: KindRules<T>): WriteStrategy<T> {
  return {
    prepare(draft, old, context) {
      if (rules.status) keepStatus(rules, draft as WithStatus, old as WithStatus | undefined)
      rules.prepare?.(draft, old, context)
    },
    validate: (object, old, context) => rules.validate?.(object, old, context) ?? [],
    ...(rules.warn ? { warn: rules.warn } : {}),
    ...(rules.admit ? { admit: rules.admit } : {}),
  }
}

function keepStatus(
  rules: { status?: 'owned' | 'open'; emptyStatus?(): object },
  draft: WithStatus,
  old: WithStatus | undefined,
): void {
  if (!old) {
    if (rules.status === 'owned' || draft.status === undefined) draft.status = rules.emptyStatus?.() ?? {}
    return
  }
  if (old.status === undefined) delete draft.status
  else draft.status = old.status
}

function statusStrategy<T extends KubernetesObject>(rules: KindRules<T>): WriteStrategy<T> {
  return {
    prepare(draft, old, context) {
      if (!old) return
      keepBesides(draft, old, ['metadata', 'status'])
      rules.prepareStatus?.(draft, old, context)
    },
    validate: (object, old, context) => (old ? (rules.validateStatus?.(object, old, context) ?? []) : []),
  }
}

/** Puts back what `old` has under every key that is not among `free`. The values are shared with `old`, not copied. */
export function keepBesides<T extends object>(draft: Draft<T>, old: T, free: readonly string[]): void {
  const target = draft as Record<string, unknown>
  const source = old as Record<string, unknown>
  for (const key of Object.keys(target)) if (!free.includes(key) && !(key in source)) delete target[key]
  for (const key of Object.keys(source)) if (!free.includes(key)) target[key] = source[key]
}
