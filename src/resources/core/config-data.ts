/** What ConfigMap and Secret share: the size of their data, and `immutable`. */
import { type FieldError, forbiddenField, tooLong } from '../../api/field-error.ts'
import { sameJson } from '../compare.ts'

/** Bytes of all keys and values of one object together. */
const CONFIG_BYTES_MAX = 1024 * 1024

type Texts = Readonly<Record<string, string>> | undefined

const encoder = new TextEncoder()

/** Values of `texts` count by their UTF-8, values of `binary` by what their base64 stands for. `field` '' prints as `[]`. */
export function tooBigErrors(field: string, texts: readonly Texts[], binary: Texts): FieldError[] {
  let bytes = 0
  for (const map of texts) for (const key in map) bytes += utf8(map[key] ?? '')
  for (const key in binary) bytes += base64Bytes(binary[key] ?? '')
  return bytes > CONFIG_BYTES_MAX ? [tooLong(field || '[]', CONFIG_BYTES_MAX)] : []
}

function utf8(text: string): number {
  return text.length < 1024 ? text.length : encoder.encode(text).length
}

function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding)
}

interface Immutable {
  readonly immutable?: boolean
  readonly data?: Readonly<Record<string, string>>
}

/** For objects whose old state has `immutable` set. */
export function immutableDataErrors(object: Immutable, old: Immutable): FieldError[] {
  const errors: FieldError[] = []
  if (!object.immutable) errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'))
  if (!sameJson(object.data, old.data))
    errors.push(forbiddenField('data', 'field is immutable when `immutable` is set'))
  return errors
}
