/** Subresources with handlers of their own, by the name that declarations give. */
import { refuseTable } from '../../wire/negotiate.ts'
import type { Handler } from '../call.ts'
import { handleBinding } from './binding.ts'
import { handleEviction } from './eviction.ts'
import { handleAttach, handleExec, handleLog, handlePortForward } from './kubelet.ts'
import { handleProxy } from './proxy.ts'
import { handleToken } from './token.ts'

/** What is created there is not stored, and is in no Table. */
const untabled =
  (handler: Handler): Handler =>
  (call) => {
    refuseTable(call.exchange.request.headers.accept)
    return handler(call)
  }

export const actions: Readonly<Record<string, Handler>> = {
  binding: untabled(handleBinding),
  eviction: untabled(handleEviction),
  log: handleLog,
  exec: handleExec,
  attach: handleAttach,
  portforward: handlePortForward,
  proxy: handleProxy,
  token: untabled(handleToken),
}
