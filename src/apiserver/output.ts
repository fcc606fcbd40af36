/** How a call is answered: in which representation, for objects, lists and watch frames alike. */
import type { ListMeta } from '../api/object.ts'
import type { Item, ListResult } from '../registry/read.ts'
import type { ApiResponse, ResponseBody, WatchEventType, WatchFrame } from '../wire/exchange.ts'
import { jsonFrame } from '../wire/frame.ts'
import { typedListChunks } from '../wire/list.ts'
import type { Call } from './call.ts'

export interface Output {
  readonly contentType: string
  object(item: Item): { object: unknown; bytes(): Uint8Array }
  list(result: ListResult): ResponseBody
  frame(type: WatchEventType, item: Item): WatchFrame
  bookmark(item: Item): WatchFrame
}

/** The representation that the Accept header asks for; 406 when there is none. */
export function outputOf(call: Call): Output {
  return jsonOutput(call)
}

function jsonOutput({ resource }: Call): Output {
  const { kind } = resource.declaration
  const { apiVersion } = resource
  return {
    contentType: 'application/json',
    object: (item) => ({ object: item.object, bytes: () => item.bytes }),
    list(result) {
      const head = { kind: `${kind}List`, apiVersion, metadata: listMeta(result) }
      return {
        type: 'list',
        object: () => ({ ...head, items: result.items.map((item) => item.object) }),
        chunks: () => typedListChunks(head, { kind, apiVersion }, result.items),
      }
    },
    frame: wholeFrame,
    bookmark: (item) => wholeFrame('BOOKMARK', item),
  }
}

/** The frame around an object as it is stored, or around a Status. */
export function wholeFrame(type: WatchEventType, item: Item): WatchFrame {
  return { type, object: item.object, bytes: () => jsonFrame(type, item) }
}

export function listMeta(result: ListResult): ListMeta {
  return {
    resourceVersion: String(result.revision),
    ...(result.continue ? { continue: result.continue } : {}),
    ...(result.remainingItemCount ? { remainingItemCount: result.remainingItemCount } : {}),
  }
}

export function answerItem(output: Output, item: Item, status = 200): ApiResponse {
  const { object, bytes } = output.object(item)
  return { status, headers: { 'content-type': output.contentType }, body: { type: 'object', object, bytes } }
}

export function answerList(output: Output, result: ListResult): ApiResponse {
  return { status: 200, headers: { 'content-type': output.contentType }, body: output.list(result) }
}
