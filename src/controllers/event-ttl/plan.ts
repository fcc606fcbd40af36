/** Pure: when an event was last told. */
import { parseTime } from '../../api/time.ts'
import type { Event } from '../../api/types/core-v1.gen.ts'

/** ms since 1970; the latest of all the times that an event carries, in the older and the newer form. */
export function lastTold({ metadata, lastTimestamp, eventTime, series }: Event): number {
  const times = [metadata.creationTimestamp, lastTimestamp, eventTime, series?.lastObservedTime]
  return Math.max(0, ...times.map((time) => (time ? (parseTime(time) ?? 0) : 0)))
}
