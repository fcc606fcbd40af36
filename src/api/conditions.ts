/** Conditions in the status of pods, nodes, deployments: one of each type. */
interface Condition {
  readonly type: string
  readonly status: string
}

interface WithConditions<C> {
  readonly conditions?: readonly C[]
}

/** The condition of a type; undefined when the status does not speak of it. */
export function conditionOf<C extends Condition>(status: WithConditions<C> | undefined, type: string): C | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

/** Says `True`: neither `False` nor `Unknown`, nor nothing. */
export function isConditionTrue<C extends Condition>(status: WithConditions<C> | undefined, type: string): boolean {
  return conditionOf(status, type)?.status === 'True'
}

/** Since when a condition has had its status, RFC 3339: a new reason or message alone is no transition. */
export function transitionTime(
  old: (Condition & { readonly lastTransitionTime?: string }) | undefined,
  status: string,
  now: string,
): string {
  return old?.status === status ? (old.lastTransitionTime ?? now) : now
}
