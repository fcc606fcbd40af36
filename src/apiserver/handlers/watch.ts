import { failure } from '../../api/status.ts'
import type { CacheEvent, WatchOptions } from '../../registry/read.ts'
import type { ApiResponse, WatchSink, WatchStream } from '../../wire/exchange.ts'
import { bookmarkObject } from '../../wire/frame.ts'
import { negotiate } from '../../wire/negotiate.ts'
import type { Call } from '../call.ts'
import { watchOptions } from '../list-query.ts'
import { type Output, outputOf, wholeFrame } from '../output.ts'

/** Without timeoutSeconds a watch ends by itself after 30 to 60 minutes, so that load spreads over servers. */
const WATCH_TIMEOUT_MIN_MS = 30 * 60_000

/** GET of a collection with watch: 200 and frames until the client goes, the time is over, or the server closes. */
export function handleWatch(call: Call): ApiResponse {
  const output = outputOf(call)
  refuseYaml(call)
  const asked = watchOptions(call.exchange, call.resource)
  const random = Math.floor(WATCH_TIMEOUT_MIN_MS * (1 + call.parts.random.ratio()))
  const options: WatchOptions = { ...asked, timeoutMs: asked.timeoutMs ?? random }
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: { type: 'watch', stream: stream(call, output, options) },
  }
}

/** YAML cannot be told apart into events: 406. */
function refuseYaml({ exchange }: Call): void {
  if (negotiate(exchange.request.headers.accept).format !== 'yaml') return
  const types = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
  throw failure(406, 'NotAcceptable', `only the following media types are accepted: ${types}`)
}

function stream(call: Call, output: Output, options: WatchOptions): WatchStream {
  return {
    start(sink) {
      const { registry, watches } = call.parts
      if (watches.closed) {
        sink.end()
        return () => {}
      }
      let stop = () => {}
      const forget = watches.add(() => {
        stop()
        sink.end()
      })
      stop = registry.watch(call.resource, options, {
        event: (event) => deliver(call, output, { event, sink }),
        end() {
          forget()
          sink.end()
        },
      })
      return () => {
        forget()
        stop()
      }
    },
  }
}

function deliver(call: Call, output: Output, { event, sink }: { event: CacheEvent; sink: WatchSink }): boolean {
  const { type, item, revision } = event
  // A Status is written as it is, whatever the representation of the objects.
  if (item) return sink.frame(type === 'ERROR' ? wholeFrame(type, item) : output.frame(type, item))
  const { apiVersion, declaration } = call.resource
  const end = event.initialEventsEnd ? 'initial-events-end' : undefined
  return sink.frame(output.frame('BOOKMARK', bookmarkObject({ kind: declaration.kind, apiVersion }, revision, end)))
}
