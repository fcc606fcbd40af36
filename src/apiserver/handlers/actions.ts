/** Subresources with handlers of their own, by the name that declarations give. */
import type { Handler } from '../call.ts'
import { handleBinding } from './binding.ts'
import { handleEviction } from './eviction.ts'
import { handleAttach, handleExec, handleLog, handlePortForward } from './kubelet.ts'
import { handleProxy } from './proxy.ts'
import { handleToken } from './token.ts'

export const actions: Readonly<Record<string, Handler>> = {
  binding: handleBinding,
  eviction: handleEviction,
  log: handleLog,
  exec: handleExec,
  attach: handleAttach,
  portforward: handlePortForward,
  proxy: handleProxy,
  token: handleToken,
}
