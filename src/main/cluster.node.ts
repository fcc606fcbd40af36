/**
 * A whole cluster in this process tree: store, API server, controllers and scheduler here, nodes in the fabric. What can begin
 * at once begins at once; nothing waits for a node. Everything ends with the lifetime, nodes first.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isConditionTrue } from '../api/conditions.ts'
import { ApiError } from '../api/status.ts'
import type { Step } from '../api/trace-steps.ts'
import { createApiServer } from '../apiserver/api-server.ts'
import { jwtSigner } from '../apiserver/authn/jwt.node.ts'
import { ADMIN, tokenTable } from '../apiserver/authn/tokens.ts'
import { type DefaultRoles, defaultRoles } from '../apiserver/authz/default-roles/index.ts'
import { storeDefaultRoles } from '../apiserver/authz/default-roles/store.ts'
import { bootstrap } from '../apiserver/bootstrap.ts'
import type { HealthCheck } from '../apiserver/health.ts'
import { startServer } from '../apiserver/server.node.ts'
import { systemClock } from '../base/clock.node.ts'
import type { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { tracer } from '../base/trace.ts'
import { CliError } from '../cli/cli-error.ts'
import { degradedBeyond } from '../cli/degraded.ts'
import { kubeconfig } from '../cli/kubeconfig.ts'
import { ApiClient } from '../client/api-client.ts'
import { directTransport } from '../client/direct.ts'
import { Informers } from '../client/informer.ts'
import { nodes as nodeResource } from '../client/resources.ts'
import { nodeAddress } from '../kubelet/runtimes/process/world.ts'
import { relayListener } from '../proxy/relay.node.ts'
import { createRegistry, type Registry } from '../registry/registry.ts'
import { RESOURCES } from '../resources/index.ts'
import type { Journal } from '../store/journal.ts'
import { openStore } from '../store/mvcc-store.ts'
import type { Store, StoreError } from '../store/store.ts'
import { itemCodec } from '../watch-cache/item-codec.ts'
import { createResourceCache } from '../watch-cache/resource-cache.ts'
import type { Item } from '../watch-cache/watch-cache.ts'
import type { ApiHandler } from '../wire/exchange.ts'
import { inDataFolder, keepDataPrivate, openJournal } from './data-folder.node.ts'
import { dialNode } from './dial-node.node.ts'
import { type EbbRoutes, ebbRoutesForNodes, ROUTES_PREFIX, serveEbb } from './ebb-routes.ts'
import { type Fabric, startFabric } from './fabric.node.ts'
import type { ImageMappings } from './image-mappings.node.ts'
import { defaultDataDirectory } from './instance.node.ts'
import { API_PORT_INSIDE, type NodeConfig } from './node-config.ts'
import { type NodeTokens, nodeTokens } from './node-tokens.node.ts'
import { type Nodes, startNodes } from './nodes.node.ts'
import { ensurePki, ensureTokenKey, type Pki } from './pki.node.ts'
import { Relays } from './relays.node.ts'
import { TraceHub } from './trace-hub.ts'
import { EBB_VERSION } from './versions.ts'
import { keepHeapSmall, letHeapGrow, warmUp } from './warm-up.node.ts'

/** Addresses that the server's certificate is good for: the host, and the `kubernetes` Service. */
const SERVER_ADDRESSES = ['127.0.0.1', '::1', '10.96.0.1']
/** Nodes that are not Ready within this time, in ms, are said to be missing; the cluster goes on without them. */
export const NODES_READY_MS = 15_000
const CONTROLLERS = { name: 'system:kube-controller-manager', groups: ['system:masters'] }
const SCHEDULER = { name: 'system:kube-scheduler', groups: ['system:masters'] }

export interface ClusterOptions {
  readonly port: number
  /** undefined: in memory. */
  readonly data: string | undefined
  readonly runDirectory: string
  readonly token: string | undefined
  readonly nodes: number
  readonly images: ImageMappings
  readonly lifetime: Lifetime
}

export interface Cluster {
  readonly port: number
  readonly url: string
  readonly pki: Pki
  readonly kubeconfig: string
  readonly hub: TraceHub
  /** Where connections into the cluster's network begin. */
  relaySocket(node: string): string
  /** Clients inside this process, as the administrator. */
  client(userAgent: string): ApiClient
  /** For when the start is over: stores the default roles, and makes the first writes as cheap as later ones. */
  settle(): Promise<void>
  /** Resolves when the nodes' namespaces, or what watches over plain nodes, end by accident. Never, when all goes well. */
  readonly fabricLost: Promise<void>
  /** The nodes that are Ready; waits for all of them, within limits. Throws CliError when none could be started. */
  nodesReady(): Promise<readonly ReadyNode[]>
}

export interface ReadyNode {
  readonly name: string
  /** What this machine cannot give it, in sentences; usually none. */
  readonly degraded: readonly string[]
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  keepHeapSmall()
  const { lifetime, runDirectory } = options
  const { fabricStart, fabricLost, watch } = holdFabric(options)
  const [pki, journal] = await inDataFolder(options.data, async () => {
    const opening = openJournal(options.data)
    // What may be somebody else's is looked at before anything is put into it.
    if (options.data && !existsSync(join(options.data, 'pki'))) await opening
    const directory = join(options.data ?? runDirectory, 'pki')
    const both = await Promise.all([
      ensurePki(directory, SERVER_ADDRESSES, systemClock.now(), options.data !== undefined),
      opening,
    ])
    if (options.data) keepDataPrivate(options.data)
    return both
  })
  const hub = new TraceHub()
  const random = new SeededRandom(randomBytes(4).readUInt32LE())
  const trace = (component: string) => tracer<Step>(systemClock, component, hub.emit)
  const { registry, store } = await inDataFolder(options.data, () => openRegistry(journal, { random, trace, lifetime }))
  const sockets = { plainSocket: join(runDirectory, 'api.sock'), tlsSocket: join(runDirectory, 'api-tls.sock') }
  const names = Array.from({ length: options.nodes }, (_, i) => `ebb-${i + 1}`)
  const tokens = nodeTokens(names)
  const roles = defaultRoles()
  const local: LocalNodes = { nodes: undefined, fabric: undefined }
  const { server, running } = await serve(options, { pki, registry, store, random, hub, tokens, roles, local, sockets })
  // Requests are answered: a program that is started holds them up no more.
  watch()
  const client = (userAgent: string, user = ADMIN as { name: string; groups: readonly string[] }) =>
    new ApiClient(directTransport({ handle: server.handle, user }), { userAgent })
  const nodesStarted = fabricStart?.then(async (fabric) => {
    local.fabric = fabric
    if (lifetime.closed) return
    const starting = startNodes({
      fabric,
      names,
      program: fileURLToPath(new URL('./node.mjs', import.meta.url)),
      config: (name, directory) => nodeConfig(options, { name, directory, sockets, tokens }),
      log: (line) => process.stderr.write(`${line}\n`),
    })
    // Nodes that are only starting are ended too, and before the fabric is.
    lifetime.add('nodes', () =>
      starting.then(
        (nodes) => nodes.end(),
        () => {},
      ),
    )
    local.nodes = await starting
  })
  nodesStarted?.catch(() => {})
  await inDataFolder(options.data, () => bootstrap(registry))
  // As after a compaction of etcd: revision 1 is too old to watch from, also on a cluster that was made just now.
  store.compact()
  const apiServer = await reachableAs(fabricStart, running.port)
  await startComponents({ client, random, trace, lifetime, pki, apiServer })
  const url = `https://127.0.0.1:${running.port}`
  return {
    port: running.port,
    url,
    pki,
    kubeconfig: kubeconfig({ server: url, ca: pki.ca, clientCert: pki.admin.cert, clientKey: pki.admin.key }),
    hub,
    relaySocket: (node) => local.nodes?.relaySocket(node) ?? '',
    client: (userAgent) => client(userAgent),
    settle: () => settle({ registry, roles, handle: server.handle, signal: lifetime.signal }).finally(letHeapGrow),
    fabricLost,
    nodesReady: async () => {
      await nodesStarted?.catch((error: Error) => {
        throw new CliError({
          en: `the nodes cannot be started: ${error.message}`,
          ko: `노드를 시작할 수 없습니다: ${error.message}`,
        })
      })
      return whenReady(client('ebb'), names, lifetime.signal)
    },
  }
}

/** Starts the fabric, which ends last of all, and also when what follows fails before there are nodes. */
function holdFabric({ nodes, runDirectory, lifetime, ...options }: ClusterOptions) {
  const fabricStart = nodes > 0 ? startFabric({ runDirectory, keep: keptPaths(options) }) : undefined
  let holder = fabricStart
  fabricStart?.catch(() => {})
  /** Without nodes its watchdog alone: it removes the run directory, and the keys in it, however ebb ends. */
  const watch = () => {
    if (holder || lifetime.closed) return
    holder = startFabric({ runDirectory, mode: 'plain' })
    holder.catch(() => {})
  }
  lifetime.add('fabric', () =>
    holder?.then(
      (fabric) => fabric.stop(),
      () => {},
    ),
  )
  const fabricLost = new Promise<void>((lost) => {
    const ended = fabricStart?.then((fabric) => fabric.ended)
    ended?.then(() => lifetime.closed || lost()).catch(() => {})
  })
  return { fabricStart, fabricLost, watch }
}

interface Settling {
  readonly registry: Registry
  readonly roles: DefaultRoles
  readonly handle: ApiHandler
  readonly signal: AbortSignal
}

async function settle({ registry, roles, handle, signal }: Settling): Promise<void> {
  const pause = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return !signal.aborted
  }
  // First: clients wait for nothing that is stored here, and gain by what runs warm.
  await warmUp(handle, ADMIN, signal)
  if (signal.aborted) return
  // What cannot be stored now (a full disk) is in force all the same, and stored at the next start.
  await storeDefaultRoles(registry, roles, pause).catch((error: unknown) => {
    if (!signal.aborted) complain('default roles', error)
  })
}

function nodeConfig(
  { images, data, runDirectory }: ClusterOptions,
  node: { name: string; directory: string; sockets: ServeParts['sockets']; tokens: NodeTokens },
): NodeConfig {
  const { name, directory, sockets, tokens } = node
  return {
    apiSocket: sockets.plainSocket,
    apiTlsSocket: sockets.tlsSocket,
    token: tokens.ofNode(name),
    proxyToken: tokens.ofProxy,
    kubeletSocket: join(directory, 'kubelet.sock'),
    relaySocket: join(directory, 'relay.sock'),
    imagesFile: images.file,
    version: EBB_VERSION,
    covered: [dirname(runDirectory), defaultDataDirectory(), ...(data ? [data] : [])],
  }
}

/** Filled when the fabric stands: the API server serves before its nodes exist. */
interface LocalNodes {
  nodes: Nodes | undefined
  fabric: Fabric | undefined
}

interface ServeParts {
  readonly pki: Pki
  readonly registry: Registry
  readonly store: Store<Item>
  readonly random: SeededRandom
  readonly hub: TraceHub
  readonly tokens: NodeTokens
  readonly roles: DefaultRoles
  readonly local: LocalNodes
  readonly sockets: { readonly plainSocket: string; readonly tlsSocket: string }
}

async function serve(options: ClusterOptions, parts: ServeParts) {
  const { pki, registry, random, tokens, roles, local, sockets } = parts
  const { lifetime } = options
  const bound = { port: options.port }
  const ebb = routes(parts, options)
  const server = createApiServer({
    registry,
    clock: systemClock,
    random: random.fork('apiserver'),
    version: EBB_VERSION,
    tokenSigner: jwtSigner(
      ensureTokenKey(join(options.data ?? options.runDirectory, 'pki'), options.data !== undefined),
    ),
    tokens: tokenTable([...tokens.users, ...(options.token ? ([[options.token, ADMIN]] as const) : [])]),
    address: () => `127.0.0.1:${bound.port}`,
    authorizers: [ebbRoutesForNodes],
    checks: storeChecks(parts.store),
    defaultRoles: roles,
    documents: [({ request }) => (request.path.startsWith(ROUTES_PREFIX) ? serveEbb(ebb, request) : undefined)],
    fault: (error, request) => complain(`${request.method} ${request.path}`, error),
  })
  lifetime.add('watches', () => server.close())
  const running = await startServer({
    handle: server.handle,
    tls: { key: pki.server.key, cert: pki.server.cert, ca: pki.ca },
    port: options.port,
    ...sockets,
    dialKubelet: (node, address) => dialNode(local.nodes, node, address),
    fault: (error) => complain('server', error),
  }).catch((error: NodeJS.ErrnoException) => {
    throw portError(error, options.port)
  })
  bound.port = running.port
  lifetime.add('server', () => running.close())
  return { server, running }
}

/** Without room writes fail and everything else goes on; when the journal has failed only a new start helps. */
const storeChecks = (store: Store<Item>): HealthCheck[] => [
  {
    name: 'etcd',
    check: () => (store.trouble?.code === 'journal-failed' ? 'the journal failed: nothing can be written' : undefined),
  },
  {
    name: 'etcd-readiness',
    only: '/readyz',
    check: () => (store.trouble ? 'the disk is full, or fails: nothing new can be written' : undefined),
  },
]

const keptPaths = ({ data, images }: Pick<ClusterOptions, 'data' | 'images'>): string[] => [
  process.execPath,
  fileURLToPath(new URL('.', import.meta.url)),
  ...(data ? [data] : []),
  ...Object.values(images.all).filter((path) => path.startsWith('/')),
]

type Tracers = (component: string) => ReturnType<typeof tracer<Step>>

async function openRegistry(
  journal: Journal,
  parts: { random: SeededRandom; trace: Tracers; lifetime: Lifetime },
): Promise<{ registry: Registry; store: Store<Item> }> {
  const store = await openStore({ journal, codec: itemCodec, troubled: sayTrouble })
  parts.lifetime.add('store', () => store.close())
  const registry = createRegistry({
    store,
    cache: (prefix) => createResourceCache({ store, prefix, clock: systemClock }),
    declarations: RESOURCES,
    clock: systemClock,
    random: parts.random.fork('registry'),
    tracer: parts.trace('kube-apiserver'),
  })
  return { registry, store }
}

function sayTrouble(trouble: StoreError | undefined): void {
  const text =
    trouble === undefined
      ? 'there is room on the disk again: everything is written'
      : trouble.code === 'no-space'
        ? `${trouble.message}. Nothing new is stored until there is room; what is there can be read, changed and deleted`
        : trouble.message
  process.stderr.write(`ebb: ${text}\n`)
}

/** Where pods reach the API server; undefined where they have no network of their own and take its port on loopback. */
async function reachableAs(fabricStart: Promise<Fabric> | undefined, port: number) {
  const fabric = await fabricStart
  if (!fabric) return { address: '127.0.0.1', port }
  return fabric.mode === 'namespaces' ? { address: nodeAddress(0), port: API_PORT_INSIDE } : undefined
}

interface Components {
  client(userAgent: string, user: { name: string; groups: readonly string[] }): ApiClient
  readonly random: SeededRandom
  readonly trace: Tracers
  readonly lifetime: Lifetime
  readonly pki: Pki
  readonly apiServer: { readonly address: string; readonly port: number } | undefined
}

async function startComponents(parts: Components): Promise<void> {
  const { client, random, trace, lifetime, pki, apiServer } = parts
  const [{ startControllers }, { startScheduler }] = await Promise.all([
    import('../controllers/index.ts'),
    import('../scheduler/scheduler.ts'),
  ])
  const controllers = client('kube-controller-manager', CONTROLLERS)
  const seams = { clock: systemClock, lifetime }
  const informers = new Informers({ ...seams, client: controllers, random: random.fork('informers') })
  await Promise.all([
    startControllers({
      ...seams,
      client: controllers,
      informers,
      random: random.fork('controllers'),
      tracer: trace('kube-controller-manager'),
      options: {
        rootCaPem: pki.ca,
        ...(apiServer ? { apiServer } : {}),
        failed: ({ controller, key, error }) => complainUnusual(`${controller} ${key}`, error),
      },
    }),
    startScheduler({
      ...seams,
      client: client('kube-scheduler', SCHEDULER),
      informers,
      random: random.fork('scheduler'),
      failed: (pod, error) => complainUnusual(`scheduler ${pod}`, error),
    }),
  ])
}

function routes({ local, hub, registry }: ServeParts, { images, lifetime }: ClusterOptions): EbbRoutes {
  const relays = new Relays({
    registry,
    async listen(target, admit) {
      const socketPath = local.nodes?.relaySocket('ebb-1')
      if (!socketPath)
        throw new Error('there is no node here whose network could be reached: start ebb without --no-node')
      return relayListener({ socketPath, target, host: '127.0.0.1', port: 0, admit })
    },
  })
  lifetime.add('relays', () => relays.close())
  return {
    hub,
    images,
    openRelay: (target) => relays.address(target),
    async nodeProcess(name: string, action: 'stop' | 'start'): Promise<void> {
      if (!local.nodes) throw new Error('there are no nodes here')
      await local.nodes.process(name, action)
    },
  }
}

function portError(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code === 'EADDRINUSE')
    return new CliError({
      en: `port ${port} is taken: end what listens there ("ebb down", if it is an ebb), or choose another with --port; 0 takes a free one`,
      ko: `포트 ${port} 은(는) 이미 쓰이고 있습니다. 그 프로그램을 끝내거나(ebb라면 "ebb down"), --port 로 다른 포트를 고르세요. 0이면 빈 포트를 씁니다`,
    })
  if (error.code === 'EACCES')
    return new CliError({
      en: `port ${port} may not be used by this user: choose one from 1024 on with --port`,
      ko: `이 사용자는 포트 ${port} 을(를) 쓸 수 없습니다. --port 로 1024 이상을 고르세요`,
    })
  return error
}

/** Resolves when all named nodes are Ready, the time is up, or everything ends: to those that are Ready. */
async function whenReady(
  client: ApiClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly ReadyNode[]> {
  const deadline = systemClock.now() + NODES_READY_MS
  for (;;) {
    const { items } = await client.list(nodeResource)
    const ready = items
      .filter((node) => names.includes(node.metadata.name ?? ''))
      .filter((node) => isConditionTrue(node.status, 'Ready'))
      .map((node) => ({ name: node.metadata.name ?? '', degraded: degradedBeyond(node) }))
    if (ready.length === names.length || systemClock.now() >= deadline || signal.aborted) return ready
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Conflicts, and objects that went while somebody looked, are the day's work of a controller. */
function complainUnusual(where: string, error: unknown): void {
  if (!(error instanceof ApiError) || error.code >= 500) complain(where, error)
}

function complain(where: string, error: unknown): void {
  // An answer of the API says all that there is to say; where it came from helps only with a fault of our own.
  const text = error instanceof Error && !(error instanceof ApiError) ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`ebb: ${where}: ${text}\n`)
}
