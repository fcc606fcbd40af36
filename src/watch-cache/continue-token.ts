/**
 * Kubernetes' continue token: base64url of `{"v":"meta.k8s.io/v1","rv":7,"start":"web-1\u0000"}`. `start` is relative to the
 * listed namespace; `rv` -1 asks for the present state instead of a consistent one. Opaque to clients, but some recordings
 * make tokens by hand, so the form is the same.
 */
import { badRequest } from '../api/status.ts'
import { type WantedRevision, wantedRevision } from './resource-version.ts'

const VERSION = 'meta.k8s.io/v1'

export interface ContinueToken {
  /** Revision of the list, or -1: whatever is current. */
  readonly revision: WantedRevision
  /** First key not yet listed, relative to the prefix of the list. */
  readonly start: string
}

/** The token for what comes after `lastKey`. */
export function continueAfter(revision: number, lastKey: string): string {
  return encodeContinue({ revision, start: `${lastKey}\0` })
}

export function encodeContinue({ revision, start }: { readonly revision: number; readonly start: string }): string {
  const json = JSON.stringify({ v: VERSION, rv: revision, start })
  return btoa(json).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Throws ApiError 400 `invalid continue token: ...`. */
export function decodeContinue(token: string): ContinueToken {
  const text = fromBase64Url(token)
  const value = fromJson(text)
  // As JavaScript reads it a number of 64 bits is rounded.
  const digits = /"rv"\s*:\s*(\d+)\s*[,}]/.exec(text)?.[1]
  if (typeof value !== 'object' || value === null) throw broken('json: cannot unmarshal into continueToken')
  const { v, rv, start } = value as { v?: unknown; rv?: unknown; start?: unknown }
  if (v !== VERSION) throw broken('server does not recognize this encoded version')
  if (typeof rv !== 'number' || !Number.isInteger(rv) || rv === 0)
    throw broken(`incorrect encoded start resourceVersion (version ${VERSION})`)
  if (typeof start !== 'string' || start === '') throw broken(`encoded start key empty (version ${VERSION})`)
  if (`/${start}`.split('/').some((part, at) => at > 0 && (part === '' || part === '.' || part === '..')))
    throw broken(start)
  return { revision: rv < 0 ? -1 : wantedRevision(digits ?? String(rv)), start }
}

function broken(why: string) {
  return badRequest(`invalid continue token: continue key is not valid: ${why}`)
}

function fromBase64Url(token: string): string {
  const bad = token.search(/[^A-Za-z0-9_-]/)
  if (bad >= 0) throw broken(`illegal base64 data at input byte ${bad}`)
  if (token.length % 4 === 1) throw broken(`illegal base64 data at input byte ${token.length - 1}`)
  return atob(token.replaceAll('-', '+').replaceAll('_', '/'))
}

function fromJson(text: string): unknown {
  const first = text.trimStart()[0]
  if (first === undefined) throw broken('unexpected end of JSON input')
  if (!/[[{"\-0-9tfn]/.test(first)) throw broken(`invalid character ${goQuote(first)} looking for beginning of value`)
  try {
    return JSON.parse(text)
  } catch {
    throw broken('unexpected end of JSON input')
  }
}

/** A character as encoding/json prints it in its errors. */
function goQuote(c: string): string {
  if (c === "'") return "'\\''"
  const code = c.charCodeAt(0)
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, '0')}'`
  if (code >= 0x80 && code < 0xa1) return `'\\u${code.toString(16).padStart(4, '0')}'`
  return `'${c}'`
}
