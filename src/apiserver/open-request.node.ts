/** A request from its head to the last byte of its answer: what it keeps waiting, who asks, and who wants to know of its end. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { UserInfo } from '../wire/exchange.ts'

export type AnyRequest = IncomingMessage | Http2ServerRequest
export type AnyResponse = ServerResponse | Http2ServerResponse

/** In whose book the request stands: its connection. */
interface Keeper {
  identified(user: UserInfo): void
  over(request: OpenRequest): void
}

export class OpenRequest {
  readonly request: AnyRequest
  readonly response: AnyResponse
  user: UserInfo | undefined
  /** Its body is still on the way. */
  arriving = false
  /** A watch, a log: it has no end of its own. */
  endless = false
  over = false
  private readonly since = performance.now()
  /** Bytes that wait for the reader, and since when they have been as many. */
  private unread = 0
  private unreadSince = 0
  private ends: (() => void)[] | undefined
  private readonly keeper: Keeper

  constructor(request: AnyRequest, response: AnyResponse, keeper: Keeper) {
    this.request = request
    this.response = response
    this.keeper = keeper
    response.on('close', () => this.end())
  }

  private end(): void {
    if (this.over) return
    this.over = true
    this.keeper.over(this)
    const { ends } = this
    this.ends = undefined
    if (ends) for (const end of ends) end()
  }

  identified(user: UserInfo): void {
    this.user = user
    this.keeper.identified(user)
  }

  /** Calls `done` when the answer has gone out or its reader is gone; at once when that has happened. */
  whenOver(done: () => void): void {
    if (this.over) done()
    else if (this.ends) this.ends.push(done)
    else this.ends = [done]
  }

  /** Takes a `whenOver` back. */
  forget(done: () => void): void {
    const at = this.ends?.indexOf(done) ?? -1
    if (at >= 0) this.ends?.splice(at, 1)
  }

  /** Breaks off: an HTTP/2 stream alone, else the connection. */
  destroy(): void {
    if (this.request.httpVersionMajor < 2) this.request.socket.destroy()
    else (this.response as Http2ServerResponse).stream?.destroy()
  }

  /** Breaks off what has taken too long by `now`. */
  check(now: number, { stallMs, answerMs }: { stallMs: number; answerMs: number }): void {
    const unread = this.response.writableLength
    if (unread === 0 || unread !== this.unread) {
      this.unread = unread
      this.unreadSince = now
    } else if (now - this.unreadSince > stallMs) this.destroy()
    if (!this.endless && now - this.since > answerMs) this.destroy()
  }
}
