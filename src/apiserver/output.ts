/** How a call is answered: in which representation, for objects, lists and watch frames alike. Always as JSON: `api-server.ts` makes YAML of it. */
import type { ListMeta } from '../api/object.ts'
import type { Item, ListResult } from '../registry/read.ts'
import type { ApiResponse, ResponseBody, WatchEventType, WatchFrame } from '../wire/exchange.ts'
import { jsonFrame, watchFrame } from '../wire/frame.ts'
import { typedItems, typedListPieces } from '../wire/list.ts'
import { type Negotiated, negotiate } from '../wire/negotiate.ts'
import { includeObjectOf, metadataList, metadataOf, notAList, TableRenderer } from '../wire/representation.ts'
import type { Call } from './call.ts'

export interface Output {
  object(item: Item): { readonly object: unknown; bytes(): Uint8Array }
  list(result: ListResult): ResponseBody
  frame(type: WatchEventType, item: Item): WatchFrame
}

/** The representation that the Accept header asks for, for this call alone; throws 406 when there is none. */
export function outputOf(call: Call): Output {
  const negotiated = negotiate(call.exchange.request.headers.accept)
  if (!negotiated.as) return jsonOutput(call)
  return negotiated.as === 'Table' ? tableOutput(call, negotiated) : metadataOutput(call, negotiated)
}

const JSON_HEADERS = { 'content-type': 'application/json' }

function jsonOutput({ resource }: Call): Output {
  const { kind } = resource.declaration
  const { apiVersion } = resource
  return {
    object: (item) => ({ object: item.object, bytes: () => item.bytes }),
    list(result) {
      const head = { kind: `${kind}List`, apiVersion, metadata: listMeta(result) }
      return {
        type: 'list',
        object: () => ({ ...head, items: result.items.map((item) => item.object) }),
        pieces: () => typedListPieces(head, { kind, apiVersion }, result.items),
        head,
        field: 'items',
        entries: () => typedItems(result.items),
      }
    },
    frame: wholeFrame,
  }
}

function metadataOutput({ resource }: Call, { as, version }: Negotiated): Output {
  const { kind, group } = resource.declaration
  // The Go package of the internal type is part of Kubernetes' sentence.
  const internal = group.split('.', 1)[0] || 'core'
  const form = (item: Item) => metadataOf(item, version)
  return {
    object(item) {
      if (as === 'PartialObjectMetadataList') throw notAList(as, `not a list (*${internal}.${kind})`)
      return { object: form(item).object, bytes: () => form(item).bytes }
    },
    list(result) {
      if (as === 'PartialObjectMetadata') throw notAList(as, `a list (*${internal}.${kind}List)`)
      return metadataList(listMeta(result), result.items, version)
    },
    frame: (type, item) => wholeFrame(type, form(item)),
  }
}

function tableOutput({ exchange, resource, parts }: Call, { version }: Negotiated): Output {
  const includeObject = includeObjectOf(exchange.request.query.get('includeObject'))
  const now = () => new TableRenderer(resource.declaration as never, { version, includeObject, now: parts.clock.now() })
  let columns = true
  return {
    object(item) {
      const table = now().single(item, { columns: true })
      return { object: table.object(), bytes: () => table.bytes() }
    },
    list: (result) => now().list(listMeta(result), result.items),
    frame(type, item) {
      const table = now().single(item, { columns })
      columns = false
      return { type, object: table.object(), bytes: () => watchFrame(type, table.bytes()) }
    },
  }
}

/** The frame around an object as it is stored, or around a Status. */
export function wholeFrame(type: WatchEventType, item: Item): WatchFrame {
  return { type, object: item.object, bytes: () => jsonFrame(type, item) }
}

function listMeta(result: ListResult): ListMeta {
  return {
    resourceVersion: String(result.revision),
    ...(result.continue ? { continue: result.continue } : {}),
    ...(result.remainingItemCount ? { remainingItemCount: result.remainingItemCount } : {}),
  }
}

export function answerItem(output: Output, item: Item, status = 200): ApiResponse {
  const { object, bytes } = output.object(item)
  return { status, headers: JSON_HEADERS, body: { type: 'object', object, bytes } }
}

export function answerList(output: Output, result: ListResult): ApiResponse {
  return { status: 200, headers: JSON_HEADERS, body: output.list(result) }
}
