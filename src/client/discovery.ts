/** Which resources a server serves, as it says itself. */
import type { APIGroupList, APIResourceList } from '../api/types/meta-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { ApiClient, Resource } from './api-client.ts'

export interface ServedResource {
  readonly resource: Resource
  readonly verbs: readonly string[]
}

export interface DiscoveryResult {
  /** Each resource once, in its group's preferred version; no subresources. */
  readonly resources: readonly ServedResource[]
  /** Group versions that were announced and did not answer, with the reason. */
  readonly failures: readonly { readonly groupVersion: string; readonly error: unknown }[]
}

/** Asks the server. Rejects when it does not even say which groups there are. */
export async function discover(client: ApiClient): Promise<DiscoveryResult> {
  const { groups } = (await client.call('GET', '/apis')) as APIGroupList
  const versions = groups.map((group) => {
    const { groupVersion, version } = group.preferredVersion ?? group.versions[0] ?? { groupVersion: '', version: '' }
    return { group: group.name, version, groupVersion, path: `/apis/${groupVersion}` }
  })
  const failures: { groupVersion: string; error: unknown }[] = []
  const lists = await Promise.all(
    [{ group: '', version: 'v1', groupVersion: 'v1', path: '/api/v1' }, ...versions].map(async (each) => {
      try {
        const list = (await client.call('GET', each.path)) as APIResourceList
        return served(each, list)
      } catch (error) {
        failures.push({ groupVersion: each.groupVersion, error })
        return []
      }
    }),
  )
  return { resources: lists.flat(), failures }
}

function served(where: { readonly group: string; readonly version: string }, list: APIResourceList): ServedResource[] {
  return list.resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, verbs }) => ({
      resource: { group: where.group, version: where.version, plural: name, kind, namespaced },
      verbs,
    }))
}

/** Discovery with a memory, shared by those who ask often. */
export class Discovery {
  private readonly client: ApiClient
  private readonly clock: Clock
  private last: { readonly at: number; readonly result: Promise<DiscoveryResult> } | undefined

  constructor(client: ApiClient, clock: Clock) {
    this.client = client
    this.clock = clock
  }

  /** An answer at most `maxAgeMs` old. Failures are not remembered. */
  resources(maxAgeMs: number): Promise<DiscoveryResult> {
    const now = this.clock.monotonic()
    if (this.last && now - this.last.at <= maxAgeMs) return this.last.result
    const result = discover(this.client)
    const entry = { at: now, result }
    this.last = entry
    result.catch(() => {
      if (this.last === entry) this.last = undefined
    })
    return result
  }
}
