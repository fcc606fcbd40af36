/**
 * Integers of 64 bits. JavaScript's numbers hold those up to 2^53-1 exactly and round many of the larger ones; a value that would come
 * back as another one is refused. Texts (quantities, annotations, resource versions) are exact at any size.
 */
import { type ApiError, badRequest } from '../api/status.ts'

/** Digits that any number holds. */
export const EXACT_DIGITS = 15

export const isExact = (integer: bigint): boolean => String(Number(integer)) === String(integer)

/** 400. */
export const inexact = (digits: string): ApiError => badRequest(inexactText(digits))

export const inexactText = (digits: string): string =>
  `number ${digits} cannot be held exactly: integers beyond ${Number.MAX_SAFE_INTEGER} must be written as texts`

const STRING_OR_NUMBER = /"(?:[^"\\]+|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g

/** The first integer of a well-formed JSON text that would be rounded. */
export function roundedInteger(text: string): string | undefined {
  for (const [token] of text.matchAll(STRING_OR_NUMBER))
    if (/^-?\d+$/.test(token) && token.length > EXACT_DIGITS && !isExact(BigInt(token))) return token
  return undefined
}
