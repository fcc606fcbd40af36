/** Secret v1. */

import { addErrors, type FieldError, invalid, required } from '../../api/field-error.ts'
import { configKeyErrors } from '../../api/names.ts'
import type { Draft } from '../../api/object.ts'
import type { Secret } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'
import { immutableDataErrors, tooBigErrors } from './config-data.ts'

/** Keys that a type of secret must have. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
}
const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name'

export const secret: ResourceDeclaration<Secret> = declare<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  definition: 'io.k8s.api.core.v1.Secret',
  default(draft) {
    foldStringData(draft)
    draft.type ||= 'Opaque'
  },
  validate: (object, old) => [...(old ? updateErrors(object, old) : []), ...secretErrors(object)],
  fields: { type: (s) => s.type ?? '' },
  row: (s, now) => [
    s.metadata.name ?? '',
    s.type ?? '',
    s.data ? Object.keys(s.data).length : 0,
    since(s.metadata.creationTimestamp, now),
  ],
})

/** stringData is write-only: its values go into data, base64 of their UTF-8, over what data has. */
function foldStringData(draft: Draft<Secret>): void {
  if (!draft.stringData) return
  const data: Record<string, string> = { ...draft.data }
  for (const [key, text] of Object.entries(draft.stringData)) data[key] = base64(text)
  draft.data = data
  delete draft.stringData
}

function base64(text: string): string {
  let binary = ''
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function secretErrors(object: Secret): FieldError[] {
  const errors: FieldError[] = []
  const data = object.data ?? {}
  for (const key in data) {
    for (const message of configKeyErrors(key)) errors.push(invalid(`data[${key}]`, key, message))
  }
  addErrors(errors, tooBigErrors('data', [], object.data))
  const type = object.type ?? ''
  for (const key of own(REQUIRED_KEYS, type) ?? []) if (!Object.hasOwn(data, key)) errors.push(required(`data[${key}]`))
  if (type === 'kubernetes.io/dockercfg') addErrors(errors, jsonErrors('.dockercfg', data))
  if (type === 'kubernetes.io/dockerconfigjson') addErrors(errors, jsonErrors('.dockerconfigjson', data))
  if (type === 'kubernetes.io/basic-auth' && !('username' in data) && !('password' in data)) {
    errors.push(required('data[username]'), required('data[password]'))
  }
  if (type === 'kubernetes.io/service-account-token' && !object.metadata.annotations?.[SERVICE_ACCOUNT_NAME]) {
    errors.push(required(`metadata.annotations[${SERVICE_ACCOUNT_NAME}]`))
  }
  return errors
}

function jsonErrors(key: string, data: Readonly<Record<string, string>>): FieldError[] {
  const value = data[key]
  if (value === undefined) return []
  const text = new TextDecoder().decode(Uint8Array.from(atob(value), (c) => c.charCodeAt(0)))
  try {
    JSON.parse(text)
    return []
  } catch {
    return [invalid(`data[${key}]`, '<secret contents redacted>', goJsonError(text))]
  }
}

/** The first complaint of Go's JSON reader, for the texts people really put here: words and braces, not subtle damage. */
function goJsonError(text: string): string {
  const trimmed = text.trimStart()
  if (trimmed === '') return 'unexpected end of JSON input'
  for (const literal of ['null', 'true', 'false']) {
    if (trimmed[0] !== literal[0]) continue
    for (let i = 1; i < literal.length; i++) {
      if (trimmed[i] === undefined) return 'unexpected end of JSON input'
      if (trimmed[i] !== literal[i]) {
        return `invalid character '${trimmed[i]}' in literal ${literal} (expecting '${literal[i]}')`
      }
    }
  }
  if ('{["-0123456789'.includes(trimmed[0] ?? '')) return 'unexpected end of JSON input'
  return `invalid character '${trimmed[0]}' looking for beginning of value`
}

function updateErrors(object: Secret, old: Secret): FieldError[] {
  const errors: FieldError[] = []
  if (object.type !== old.type) errors.push(invalid('type', object.type ?? '', 'field is immutable'))
  if (old.immutable) addErrors(errors, immutableDataErrors(object, old))
  return errors
}
