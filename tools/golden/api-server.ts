/** The control plane alone for the API recordings: API server over the memory store, with its controllers where they are built. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EbbTracer } from '../../src/api/trace-steps.ts'
import { createApiServer } from '../../src/apiserver/api-server.ts'
import { jwtSigner, newTokenKey } from '../../src/apiserver/authn/jwt.node.ts'
import { MASTERS } from '../../src/apiserver/authn/names.ts'
import { ADMIN, tokenTable } from '../../src/apiserver/authn/tokens.ts'
import { defaultRoles } from '../../src/apiserver/authz/default-roles/index.ts'
import { storeDefaultRoles } from '../../src/apiserver/authz/default-roles/store.ts'
import { bootstrap } from '../../src/apiserver/bootstrap.ts'
import { startServer } from '../../src/apiserver/server.node.ts'
import { systemClock } from '../../src/base/clock.node.ts'
import { Lifetime } from '../../src/base/lifetime.ts'
import { SeededRandom } from '../../src/base/random.ts'
import { noTrace } from '../../src/base/trace.ts'
import { ApiClient } from '../../src/client/api-client.ts'
import { directTransport } from '../../src/client/direct.ts'
import { startControllers } from '../../src/controllers/index.ts'
import { ensurePki } from '../../src/main/pki.node.ts'
import { createRegistry } from '../../src/registry/registry.ts'
import { RESOURCES } from '../../src/resources/index.ts'
import { MemoryJournal } from '../../src/store/memory-journal.ts'
import { openStore } from '../../src/store/mvcc-store.ts'
import { itemCodec } from '../../src/watch-cache/item-codec.ts'
import { createResourceCache } from '../../src/watch-cache/resource-cache.ts'

const directory = mkdtempSync(join(tmpdir(), 'ebb-golden-'))
const pki = await ensurePki(directory, ['127.0.0.1'], systemClock.now())
rmSync(directory, { recursive: true, force: true })
const random = new SeededRandom(Date.now())
const store = await openStore({ journal: new MemoryJournal(), codec: itemCodec })
const registry = createRegistry({
  store,
  cache: (prefix) => createResourceCache({ store, prefix, clock: systemClock }),
  declarations: RESOURCES,
  clock: systemClock,
  random: random.fork('registry'),
})
await bootstrap(registry)
// Recorded clients expect revision 1 to be older than the history that is kept.
store.compact()
const roles = defaultRoles()
const fault = (error: unknown) => console.error('fault:', error)
const server = createApiServer({
  registry,
  clock: systemClock,
  random: random.fork('apiserver'),
  tokens: tokenTable([[process.argv[2] ?? 'admin-token', ADMIN]]),
  fault,
  defaultRoles: roles,
  tokenSigner: jwtSigner(newTokenKey()),
})
const lifetime = new Lifetime('golden')
const handle = server.handle
const client = new ApiClient(
  directTransport({ handle, user: { name: 'system:kube-controller-manager', groups: [MASTERS] } }),
  {
    userAgent: 'kube-controller-manager/v1.36.2',
  },
)
await startControllers({
  client,
  clock: systemClock,
  random,
  tracer: noTrace as EbbTracer,
  lifetime,
  // The port is the recorded server's.
  options: { rootCaPem: pki.ca, apiServer: { address: '10.0.0.1', port: 26443 } },
})
await storeDefaultRoles(registry, roles, () => Promise.resolve(true))
const running = await startServer({
  handle: server.handle,
  tls: { ...pki.server, ca: pki.ca },
  port: Number(process.argv[3] ?? 0),
  dialKubelet: async (node) => {
    throw new Error(`no such node ${node}`)
  },
  fault,
})
console.log(`https://127.0.0.1:${running.port}`)
const stop = async () => {
  await lifetime.close()
  server.close()
  await running.close()
  await store.close()
  process.exit(0)
}
process.on('SIGTERM', () => void stop())
process.on('SIGINT', () => void stop())
