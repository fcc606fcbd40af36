/** IP addresses and networks as the API accepts them. Pure: text in, facts out. */

export const INVALID_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const INVALID_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'

/** The four bytes of a dotted address; undefined for anything else, leading zeros included. */
export function parseIPv4(text: string): readonly number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = parts.map((part) => (/^(0|[1-9][0-9]{0,2})$/.test(part) ? Number(part) : 256))
  return bytes.every((byte) => byte < 256) ? bytes : undefined
}

/** The eight groups of an IPv6 address, an embedded IPv4 tail included. */
function parseIPv6(text: string): readonly number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : groups(half)))
  if (!head) return undefined
  if (tail === undefined) return halves.length === 1 && head.length === 8 ? head : undefined
  const missing = 8 - head.length - tail.length
  return missing >= 1 ? [...head, ...new Array<number>(missing).fill(0), ...tail] : undefined
}

function groups(text: string): number[] | undefined {
  const parts = text.split(':')
  const out: number[] = []
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const v4 = parseIPv4(part)
      if (!v4) return undefined
      out.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) out.push(Number.parseInt(part, 16))
    else return undefined
  }
  return out
}

export function ipVersion(text: string): 4 | 6 | undefined {
  if (parseIPv4(text)) return 4
  return text.includes(':') && parseIPv6(text) ? 6 : undefined
}

export function cidrErrors(text: string): readonly string[] {
  const slash = text.indexOf('/')
  const version = slash < 0 ? undefined : ipVersion(text.slice(0, slash))
  const length = text.slice(slash + 1)
  const fits = /^[0-9]{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128)
  return version && fits ? [] : [INVALID_CIDR]
}

/**
 * Pods of a node without namespaces have addresses of 127.64.0.0 to 127.191.255.255; Services must lead to them there. This is
 * looser than Kubernetes, for addresses that nobody but such a node hands out.
 */
function isPodOnLoopback(v4: readonly number[]): boolean {
  return (v4[1] ?? 0) >= 64 && (v4[1] ?? 0) < 192
}

/** Why an address cannot be an endpoint or an external address; undefined when it can. */
export function specialAddressError(text: string): string | undefined {
  const v4 = parseIPv4(text)
  const v6 = v4 ? undefined : parseIPv6(text)
  if (v4 ? v4.every((b) => b === 0) : v6?.every((g) => g === 0))
    return `may not be unspecified (${v4 ? '0.0.0.0' : '::'})`
  if (v4 ? v4[0] === 127 && !isPodOnLoopback(v4) : v6?.slice(0, 7).every((g) => g === 0) && v6[7] === 1) {
    return 'may not be in the loopback range (127.0.0.0/8, ::1/128)'
  }
  if (v4 ? v4[0] === 169 && v4[1] === 254 : v6 && (v6[0]! & 0xffc0) === 0xfe80) {
    return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'
  }
  if (v4 ? v4[0] === 224 && v4[1] === 0 && v4[2] === 0 : v6 && (v6[0]! & 0xff0f) === 0xff02) {
    return 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'
  }
  return undefined
}
