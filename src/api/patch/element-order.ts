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

interface Placed {
  readonly element: Json
  /** Where it stands in the patch and on the server; -1: nowhere. */
  readonly inPatch: number
  readonly onServer: number
}

export function ordered(merged: readonly Json[], { first, server, key }: Orders): readonly Json[] {
  const patchPlaces = placesOf(first, key)
  const serverPlaces = placesOf(server, key)
  const placed = merged.map((element): Placed => {
    const identity = identityOf(element, key)
    return { element, inPatch: patchPlaces.get(identity) ?? -1, onServer: serverPlaces.get(identity) ?? -1 }
  })
  const patchItems = placed.filter(({ inPatch }) => inPatch >= 0).sort((a, b) => a.inPatch - b.inPatch)
  const serverItems = placed.filter(({ inPatch }) => inPatch < 0).sort((a, b) => a.onServer - b.onServer)
  return zipped(serverItems, patchItems).map(({ element }) => element)
}

/** Of several with one identity the first. */
function placesOf(list: readonly Json[], key: string | undefined): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  for (const [i, element] of list.entries()) {
    const identity = identityOf(element, key)
    if (!places.has(identity)) places.set(identity, i)
  }
  return places
}

function identityOf(element: Json, key: string | undefined): string {
  return jsonKey(key !== undefined && isJsonObject(element) ? (element[key] ?? null) : element)
}

function zipped(left: readonly Placed[], right: readonly Placed[]): Placed[] {
  const out: Placed[] = []
  let i = 0
  let j = 0
  while (i < left.length && j < right.length) {
    const a = left[i] as Placed
    const b = right[j] as Placed
    if (a.onServer >= 0 && b.onServer >= 0 && a.onServer < b.onServer) {
      out.push(a)
      i++
    } else {
      out.push(b)
      j++
    }
  }
  return [...out, ...left.slice(i), ...right.slice(j)]
}
