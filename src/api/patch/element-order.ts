/**
 * The order of a merged list. Elements that the patch names stand in the patch's order, those that only the server has in
 * the server's; the two sequences are zipped, an element of the server going first only where it stood before its
 * neighbour on the server too. So new elements come before the server's own.
 */
import { jsonKey } from '../json-equal.ts'
import { isJsonObject, type Json } from './json-value.ts'

interface Orders {
  /** The patch's list, or its `$setElementOrder`. */
  readonly first: readonly Json[]
  /** The list as it was. */
  readonly server: readonly Json[]
  /** Merge key of objects; undefined for a list of scalars. */
  readonly key: string | undefined
}

export function ordered(merged: readonly Json[], { first, server, key }: Orders): readonly Json[] {
  const rank = (list: readonly Json[]) => {
    const places = new Map<string, number>()
    for (const [i, element] of list.entries()) {
      const place = jsonKey(identity(element, key))
      if (!places.has(place)) places.set(place, i)
    }
    return (element: Json) => places.get(jsonKey(identity(element, key))) ?? -1
  }
  const inPatch = rank(first)
  const onServer = rank(server)
  const byRank = (of: (element: Json) => number) => (a: Json, b: Json) => of(a) - of(b)
  const patchItems = merged.filter((element) => inPatch(element) >= 0).sort(byRank(inPatch))
  const serverItems = merged.filter((element) => inPatch(element) < 0).sort(byRank(onServer))
  return zipped(serverItems, patchItems, onServer)
}

function identity(element: Json, key: string | undefined): Json {
  return key !== undefined && isJsonObject(element) ? (element[key] ?? null) : element
}

function zipped(left: readonly Json[], right: readonly Json[], onServer: (element: Json) => number): Json[] {
  const out: Json[] = []
  let i = 0
  let j = 0
  while (i < left.length && j < right.length) {
    const a = onServer(left[i] as Json)
    const b = onServer(right[j] as Json)
    if (a >= 0 && b >= 0 && a < b) out.push(left[i++] as Json)
    else out.push(right[j++] as Json)
  }
  return [...out, ...left.slice(i), ...right.slice(j)]
}
