/** An API server over the memory store without sockets, for tests and simulation: real chain, real registry, deep freeze. */

import type { EbbTracer } from '../api/trace-steps.ts'
import { type ApiServer, type ApiServerOptions, createApiServer } from '../apiserver/api-server.ts'
import { ADMIN, tokenTable } from '../apiserver/authn/tokens.ts'
import { bootstrap } from '../apiserver/bootstrap.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { ApiClient } from '../client/api-client.ts'
import { directTransport } from '../client/direct.ts'
import { createRegistry, type Registry } from '../registry/registry.ts'
import { RESOURCES } from '../resources/index.ts'
import type { Journal } from '../store/journal.ts'
import { MemoryJournal } from '../store/memory-journal.ts'
import { openStore } from '../store/mvcc-store.ts'
import { itemCodec } from '../watch-cache/item-codec.ts'
import { createResourceCache } from '../watch-cache/resource-cache.ts'

export interface TestApiOptions {
  readonly clock: Clock
  readonly random: Random
  readonly journal?: Journal
  readonly tracer?: EbbTracer
  readonly server?: Partial<ApiServerOptions>
}

export interface TestApi {
  readonly server: ApiServer
  readonly registry: Registry
  /** As the administrator. */
  readonly client: ApiClient
  clientOf(user: string, groups: readonly string[]): ApiClient
  close(): Promise<void>
}

export async function startTestApi({ clock, random, journal, tracer, server: more }: TestApiOptions): Promise<TestApi> {
  const store = await openStore({ journal: journal ?? new MemoryJournal(), codec: itemCodec })
  const registry = createRegistry({
    store,
    cache: (prefix) => createResourceCache({ store, prefix, clock }),
    declarations: RESOURCES,
    clock,
    random: random.fork('registry'),
    freeze: true,
    ...(tracer ? { tracer } : {}),
  })
  await bootstrap(registry)
  const tokens = tokenTable([['admin-token', ADMIN]])
  const server = createApiServer({ registry, clock, random: random.fork('apiserver'), tokens, ...more })
  const clientOf = (name: string, groups: readonly string[]) =>
    new ApiClient(directTransport({ handle: server.handle, user: { name, groups } }), { userAgent: `${name}/test` })
  return {
    server,
    registry,
    client: clientOf('admin', ADMIN.groups),
    clientOf,
    async close() {
      server.close()
      await store.close()
    },
  }
}
