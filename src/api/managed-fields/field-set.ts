/**
 * Sets of fields in Kubernetes' FieldsV1 form, as managedFields carry them: a tree of path elements (`f:name` a field,
 * `k:{"name":"c"}` an element of a keyed list, `v:"x"` one of a set). A node without children is in the set; one with
 * children is in it when it has the child `.`. The empty set is undefined. Trees are never changed in place.
 *
 *   { 'f:data': { '.': {}, 'f:a': {} } }     // data itself and data.a
 */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

export const LEAF: FieldSet = Object.freeze({})
const SELF = '.'

/** Whether a value that came from outside is a set: nothing but objects, and every element one that can be read. */
export function isFieldSet(value: unknown): value is FieldSet {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  for (const element in value)
    if (!isElement(element) || !isFieldSet((value as Readonly<Record<string, unknown>>)[element])) return false
  return true
}

function isElement(element: string): boolean {
  if (element.startsWith('f:') || element === SELF) return true
  const rest = element.slice(2)
  switch (element.slice(0, 2)) {
    case 'i:':
      return /^-?\d+$/.test(rest)
    case 'k:': {
      const keys = parsed(rest)
      return typeof keys === 'object' && keys !== null && !Array.isArray(keys)
    }
    case 'v:':
      return parsed(rest) !== undefined
    default:
      return false
  }
}

/** undefined: no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A node out of its parts; undefined when it is nothing. */
export function node(member: boolean, children: FieldSet | undefined): FieldSet | undefined {
  if (children === undefined || isEmpty(children)) return member ? LEAF : undefined
  return member ? { [SELF]: LEAF, ...children } : children
}

function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false
  return true
}

/** Whether the node itself is in the set, apart from what is below it. */
export function isMember(set: FieldSet): boolean {
  return isEmpty(set) || SELF in set
}

/** Names and nodes below, without the mark of the node itself. */
export function children(set: FieldSet): [string, FieldSet][] {
  return Object.entries(set).filter(([element]) => element !== SELF)
}

type Combine = (a: FieldSet, b: FieldSet | undefined) => FieldSet | undefined

/** What `combine` leaves of a node: the node itself by `member`. Costs the size of `a` alone, however large `b` is. */
function reduced(a: FieldSet, b: FieldSet, member: boolean, combine: Combine): FieldSet | undefined {
  const below: Record<string, FieldSet> = {}
  for (const element in a) {
    if (element === SELF) continue
    const made = combine(a[element] as FieldSet, Object.hasOwn(b, element) ? b[element] : undefined)
    if (made) below[element] = made
  }
  return node(member, below)
}

export function union(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  return a && b ? unionOf([a, b]) : (a ?? b)
}

/** Costs the size of all sets together, however many there are. */
export function unionOf(sets: readonly (FieldSet | undefined)[]): FieldSet | undefined {
  const some = sets.filter((set) => set !== undefined)
  if (some.length < 2) return some[0]
  const below = new Map<string, FieldSet[]>()
  for (const set of some) {
    for (const element in set) {
      if (element === SELF) continue
      const others = below.get(element)
      if (others) others.push(set[element] as FieldSet)
      else below.set(element, [set[element] as FieldSet])
    }
  }
  const out: Record<string, FieldSet> = {}
  for (const [element, nodes] of below) out[element] = unionOf(nodes) as FieldSet
  return node(some.some(isMember), out)
}

/** What is in `a` but not in `b`, node by node: taking `b.c` out leaves `b.c.d`. */
export function difference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return a
  return reduced(a, b, isMember(a) && !isMember(b), difference)
}

/** Like `difference`, but a node of `b` takes everything below it along. */
export function without(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return a
  return isMember(b) ? undefined : reduced(a, b, isMember(a), without)
}

export function intersection(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return undefined
  return reduced(a, b, isMember(a) && isMember(b), intersection)
}

/** Every field on the way to a member becomes a member; elements of lists do not. */
export function withNamedFields(set: FieldSet | undefined): FieldSet | undefined {
  if (!set) return undefined
  const below: Record<string, FieldSet> = {}
  for (const [element, child] of children(set)) {
    const made = withNamedFields(child) ?? LEAF
    below[element] =
      node(element.startsWith('f:') || isMember(child), isEmpty(made) ? undefined : stripped(made)) ?? LEAF
  }
  return node(SELF in set, below)
}

function stripped(set: FieldSet): FieldSet {
  const { [SELF]: _, ...rest } = set
  return rest
}

/** The same set with its elements in order, as Kubernetes writes it; the very same object when it is so already. */
export function canonical(set: FieldSet): FieldSet {
  if (set === LEAF) return set
  let inOrder = true
  let before = ''
  let out: Record<string, FieldSet> | undefined
  for (const element in set) {
    const child = set[element] as FieldSet
    const made = canonical(child)
    if (made !== child) {
      out ??= { ...set }
      out[element] = made
    }
    if (element < before) inOrder = false
    before = element
  }
  const made = out ?? set
  if (inOrder) return made
  const sorted: Record<string, FieldSet> = {}
  for (const element of Object.keys(set).sort()) sorted[element] = made[element] as FieldSet
  return sorted
}

/** Members as paths of elements, in the order of the tree. */
export function paths(set: FieldSet | undefined, prefix: readonly string[] = []): (readonly string[])[] {
  if (!set) return []
  const own = prefix.length > 0 && isMember(set) ? [prefix] : []
  return [...own, ...children(set).flatMap(([element, child]) => paths(child, [...prefix, element]))]
}
