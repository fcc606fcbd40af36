/** Kubernetes' time texts. The only place that formats or parses them. */

let second = Number.NaN
let secondText = ''

/** metav1.Time: RFC 3339 in UTC with seconds, `2006-01-02T15:04:05Z`. The latest second is remembered: every write asks for it a few times. */
export function rfc3339(ms: number): string {
  const at = Math.floor(ms / 1000)
  if (at !== second) {
    secondText = `${new Date(at * 1000).toISOString().slice(0, 19)}Z`
    second = at
  }
  return secondText
}

/** metav1.MicroTime: six digits of fraction, `2006-01-02T15:04:05.000000Z`. */
export function rfc3339Micro(ms: number): string {
  const micros = Math.floor((ms - Math.floor(ms / 1000) * 1000) * 1000)
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}Z`
}

/** Nine digits of fraction, as container logs carry it: `2006-01-02T15:04:05.000000000Z`. */
export function rfc3339Nano(ms: number): string {
  return `${rfc3339Micro(ms).slice(0, -1)}000Z`
}

/** Milliseconds since 1970, or undefined for text that is no RFC 3339 time. */
export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
