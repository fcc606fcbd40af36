/**
 * Which user of the host stands behind a user of a container.
 *
 * A node that has many ids (ebb was started by root, in a fabric) gives containers a range of ids that no user of the host has.
 * `pod`: the container's root is one of them, and no more to the host than a stranger. `node`: for pods that mount the host's
 * own files (hostPath); their root is the user who started ebb, without any capability outside the container, so that it may
 * write what the pod was given; all its other users are strangers too.
 *
 * A node with a single id (an ordinary user) has nobody else to be: every user of a container is that one.
 */
export type IdentityScope = 'pod' | 'node'

/** First of the host's ids that containers use; systemd's own ranges for containers end just below. */
export const FIRST_HOST_ID = 0x7000_0000
/** Ids of a container below this have a host id each; larger ones share 65,536 more. */
const SMALL_IDS = 0x1_0000
/** Host ids that containers use altogether: two scopes of small ids, one of large ones. */
export const HOST_IDS = 3 * SMALL_IDS

/** The host's id behind `id` of a container, where the node has many. */
export function hostId(scope: IdentityScope, id: number): number {
  if (id >= SMALL_IDS) return FIRST_HOST_ID + 2 * SMALL_IDS + (id % SMALL_IDS)
  if (scope === 'pod') return FIRST_HOST_ID + id
  return id === 0 ? 0 : FIRST_HOST_ID + SMALL_IDS + id
}

/**
 * The text of /proc/PID/uid_map or gid_map, lines `INSIDE OUTSIDE COUNT`: all small ids, and the large ones of `more` that a
 * container needs by name.
 */
export function idMap(scope: IdentityScope, more: readonly number[]): string {
  const small =
    scope === 'pod'
      ? [[0, hostId('pod', 0), SMALL_IDS]]
      : [
          [0, 0, 1],
          [1, hostId('node', 1), SMALL_IDS - 1],
        ]
  // One host id stands for one inside: of two large ids that share it only the first is mapped.
  const outside = new Map(
    largeIds(more)
      .map((id) => [hostId(scope, id), id] as const)
      .reverse(),
  )
  const large = [...outside].map(([host, id]) => [id, host, 1])
  return [...small, ...large].map((line) => line.join(' ')).join('\n')
}

export function largeIds(ids: readonly number[]): number[] {
  return [...new Set(ids.filter((id) => id >= SMALL_IDS))].sort((a, b) => a - b)
}

/** Whether a process whose own uid_map is `text` can give containers the ids above. */
export function hasManyIds(text: string): boolean {
  return text.split('\n').some((line) => {
    const [inside = Number.NaN, , count = 0] = line.trim().split(/\s+/).map(Number)
    return inside <= FIRST_HOST_ID && inside + count >= FIRST_HOST_ID + HOST_IDS
  })
}
