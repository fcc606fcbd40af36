/**
 * Kubernetes' resource quantities: `100m`, `1.5Gi`, `12e6`. Held exactly, in nanos (10^-9), with the family of suffixes they were
 * written in. Printed canonically: no fraction, the largest suffix that loses nothing. Source: docs, "Quantity".
 *
 *   formatQuantity(parseQuantity('1.5Gi'))   // '1536Mi'
 *   formatQuantity(parseQuantity('0.1'))     // '100m'
 */

type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

export interface Quantity {
  readonly nanos: bigint
  readonly format: QuantityFormat
}

/** Carries one of Kubernetes' three sentences about malformed quantities, or ours about long ones. */
class QuantityError extends Error {
  override readonly name = 'QuantityError'
}

const FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const SUFFIX_WRONG = "unable to parse quantity's suffix"
const NUMBER_WRONG = 'unable to parse numeric part of quantity'

const NANO = 1_000_000_000n
/** Larger amounts are capped here, as Kubernetes does: 2^63-1. */
const AMOUNT_MAX = (2n ** 63n - 1n) * NANO

const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/** Characters of a quantity; more is refused. What digits cost grows faster than their number. */
const LENGTH_MAX = 1024

/** The same few amounts come again and again. Texts that are remembered, and their length; when there are so many all are forgotten. */
const REMEMBERED_MAX = 1_000
const REMEMBERED_LENGTH_MAX = 20
const remembered = new Map<string, Quantity>()

/** Throws QuantityError. */
export function parseQuantity(text: string): Quantity {
  const known = remembered.get(text)
  if (known) return known
  const quantity = readQuantity(text)
  if (text.length <= REMEMBERED_LENGTH_MAX) {
    if (remembered.size >= REMEMBERED_MAX) remembered.clear()
    remembered.set(text, quantity)
  }
  return quantity
}

function readQuantity(text: string): Quantity {
  if (text.length > LENGTH_MAX) throw new QuantityError(`quantities must have at most ${LENGTH_MAX} characters`)
  const m = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/.exec(text)
  if (!m) throw new QuantityError(/^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/.test(text) ? NUMBER_WRONG : FORMAT_WRONG)
  const [, sign, whole = '', fraction = '', suffix = ''] = m
  if (whole === '' && fraction === '') throw new QuantityError(FORMAT_WRONG)
  const { base, exponent, format } = parseSuffix(suffix)
  const digits = BigInt(whole + fraction)
  const nanos = scale(digits, fraction.length, base, exponent)
  const capped = nanos > AMOUNT_MAX ? AMOUNT_MAX : nanos
  return { nanos: sign === '-' ? -capped : capped, format }
}

function parseSuffix(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  const decimal = DECIMAL.indexOf(suffix)
  if (decimal >= 0) return { base: 10, exponent: (decimal - 3) * 3, format: 'DecimalSI' }
  const binary = BINARY.indexOf(suffix)
  if (binary > 0) return { base: 2, exponent: binary * 10, format: 'BinarySI' }
  const m = /^[eE]([-+]?[0-9]+)$/.exec(suffix)
  if (!m) throw new QuantityError(SUFFIX_WRONG)
  return { base: 10, exponent: Number(m[1]), format: 'DecimalExponent' }
}

/** digits * 10^-places * base^exponent in nanos, rounded up. */
function scale(digits: bigint, places: number, base: 2 | 10, exponent: number): bigint {
  if (digits === 0n) return 0n
  if (base === 2) return divideUp(digits * NANO * 2n ** BigInt(exponent), 10n ** BigInt(places))
  const power = exponent + 9 - places
  if (power > 60) return AMOUNT_MAX
  if (power < -60 - places) return 1n
  return power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power))
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by
}

export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0'
  const size = nanos < 0n ? -nanos : nanos
  if (format === 'BinarySI' && size >= 1024n * NANO && size % NANO === 0n) return formatBinary(nanos / NANO)
  let amount = nanos
  let step = 0
  while (amount % 1000n === 0n && step < DECIMAL.length - 1) {
    amount /= 1000n
    step++
  }
  if (format !== 'DecimalExponent') return `${amount}${DECIMAL[step]}`
  return step === 3 ? `${amount}` : `${amount}e${(step - 3) * 3}`
}

function formatBinary(amount: bigint): string {
  let step = 0
  let rest = amount
  while (rest % 1024n === 0n && step < BINARY.length - 1) {
    rest /= 1024n
    step++
  }
  return `${rest}${BINARY[step]}`
}

const SURELY_CANONICAL = /^[1-9][0-9]{0,2}(?:[mkMGT]|[KMGT]i)?$/

/** The form in which Kubernetes answers: `0.5` and '500m' give '500m'. Throws QuantityError. */
export function canonicalQuantity(value: string | number): string {
  const text = String(value)
  return SURELY_CANONICAL.test(text) ? text : formatQuantity(parseQuantity(text))
}

/** Negative, 0 or positive, like a - b. */
export function compareQuantities(a: string, b: string): number {
  const difference = parseQuantity(a).nanos - parseQuantity(b).nanos
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** The sum in the first one's family of suffixes. */
export function addQuantities(a: string, b: string): string {
  const left = parseQuantity(a)
  const right = parseQuantity(b)
  return formatQuantity({ nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format })
}

/** Whole units, rounded up: bytes of memory, CPUs. */
export function quantityValue(text: string): number {
  return Number(roundUp(parseQuantity(text).nanos, NANO))
}

/** Thousandths, rounded up: millicores. */
export function quantityMilliValue(text: string): number {
  return Number(roundUp(parseQuantity(text).nanos, 1_000_000n))
}

function roundUp(value: bigint, unit: bigint): bigint {
  return value >= 0n ? divideUp(value, unit) : value / unit
}
