import { type OrderedMap, prefixEnd } from '../store/table.ts'
import { continueAfter } from './continue-token.ts'
import type { Filter, Item, ListResult } from './watch-cache.ts'

export interface PageRequest {
  readonly items: OrderedMap<Item>
  /** Fewer objects that hold everything the filter can select, when an index knows them. */
  readonly candidates?: OrderedMap<Item> | undefined
  /** Revision of the state in `items`. */
  readonly revision: number
  /** `namespace/`, or '' for all. */
  readonly prefix: string
  /** First key, relative to the prefix; '' from the beginning. */
  readonly start: string
  readonly filter?: Filter | undefined
  /** 0: no limit. */
  readonly limit: number
}

/** Cuts one page out of a state. The rest is counted only when nothing is filtered, as in Kubernetes. */
export function cutPage(request: PageRequest): ListResult {
  const { items, revision, prefix, start, filter, limit } = request
  const end = prefix === '' ? '\uffff' : prefixEnd(prefix)
  const from = prefix + start
  const found: Item[] = []
  let last: string | undefined
  const visit = (key: string, item: Item) => {
    if (filter && !filter.matches(item.object)) return undefined
    found.push(item)
    if (limit === 0 || found.length < limit) return undefined
    last = key
    return { break: 0 }
  }
  ;(request.candidates ?? items).forRange(from, end, false, visit)
  if (last === undefined) return { items: found, revision }
  const rest = items.forRange(`${last}\0`, end, false)
  if (rest === 0) return { items: found, revision }
  const token = continueAfter(revision, last.slice(prefix.length))
  return { items: found, revision, continue: token, ...(filter ? {} : { remainingItemCount: rest }) }
}
