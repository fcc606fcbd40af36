/**
 * pods/NAME/proxy, services/NAME/proxy and nodes/NAME/proxy: where a request is to go. NAME may say how: `NAME:PORT`,
 * `SCHEME:NAME:PORT`. Source: Kubernetes' pkg/registry/core/{pod,service,node}, ResourceLocation.
 */

import { badRequest, notFound, serviceUnavailable } from '../../api/status.ts'
import type { Endpoints, Node, Pod, Service } from '../../api/types/core-v1.gen.ts'
import type { ApiResponse, ForwardAddress } from '../../wire/exchange.ts'
import { type Call, demandVerb } from '../call.ts'

/** Where to; without an address the kubelet of the node itself. */
interface Target {
  readonly node: string
  readonly address?: ForwardAddress
}

interface Asked {
  readonly scheme: 'http' | 'https'
  readonly name: string
  /** A number or a name; '' when none was given. */
  readonly port: string
}

const LOCATE: Readonly<Record<string, (call: Call, asked: Asked) => Target>> = {
  pods: locatePod,
  services: locateService,
  nodes: locateNode,
}

export async function handleProxy(call: Call): Promise<ApiResponse> {
  const { info, request } = call.exchange
  const locate = LOCATE[info.resource]
  if (!locate) throw badRequest(`${info.resource} have no proxy`)
  const target = locate(call, parseName(call))
  const { prefix, rest } = splitPath(request.path)
  if (rest === '' && !request.upgrade && (request.method === 'GET' || request.method === 'HEAD'))
    return redirect(request.path, request.query)
  // What a kubelet does over a WebSocket changes its pods, also where it begins with a GET.
  if (request.upgrade && !target.address) demandVerb(call, 'create')
  return {
    status: 200,
    headers: {},
    body: { type: 'forward', ...target, path: rest || '/', query: request.query.toString(), prefix },
  }
}

/** The address of a server ends with a slash: else what its pages refer to would be looked for beside them. */
function redirect(path: string, query: URLSearchParams): ApiResponse {
  const text = query.toString()
  return { status: 301, headers: { location: `${path}/${text && `?${text}`}` }, body: { type: 'empty' } }
}

/** Both parts as they came, still escaped: `/api/v1/namespaces/n/pods/p/proxy` and `/a%20b/`. */
function splitPath(path: string): { prefix: string; rest: string } {
  const prefix = /^(?:\/+[^/]+){2}(?:\/+namespaces\/+[^/]+)?\/+[^/]+\/+[^/]+\/+proxy/.exec(path)?.[0] ?? path
  return { prefix, rest: path.slice(prefix.length) }
}

function parseName({ exchange: { info } }: Call): Asked {
  const parts = info.name.split(':')
  const [scheme, name, port] = parts.length === 3 ? parts : ['', ...parts, '']
  if (parts.length > 3 || !name || !['', 'http', 'https'].includes(scheme ?? ''))
    throw badRequest(`invalid ${info.resource.replace(/s$/, '')} request ${JSON.stringify(info.name)}`)
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port: port ?? '' }
}

function stored<T>({ parts, exchange }: Call, plural: string, name: string): T | undefined {
  const resource = parts.registry.find('', 'v1', plural)
  const namespace = resource?.declaration.namespaced ? exchange.info.namespace : ''
  return resource && (parts.registry.peek(resource, namespace, name)?.object as T | undefined)
}

function mustBeStored<T>(call: Call, name: string): T {
  const found = stored<T>(call, call.exchange.info.resource, name)
  if (!found) throw notFound(call.resource.groupResource, name)
  return found
}

function locatePod(call: Call, { scheme, name, port }: Asked): Target {
  const { spec, status } = mustBeStored<Pod>(call, name)
  const first = spec.containers.find(({ ports = [] }) => ports.length > 0)?.ports?.[0]?.containerPort
  const node = spec.nodeName ?? ''
  const host = reachable(call, node, status?.podIP ?? '')
  return { node, address: { scheme, host, port: port || String(first ?? (scheme === 'https' ? 443 : 80)) } }
}

function locateService(call: Call, { scheme, name, port }: Asked): Target {
  const { spec } = mustBeStored<Service>(call, name)
  const portName = /^\d+$/.test(port) ? spec?.ports?.find((p) => p.port === Number(port))?.name : port
  if (portName === undefined && !spec?.ports?.some((p) => p.port === Number(port)))
    throw serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`)
  const { subsets = [] } = stored<Endpoints>(call, 'endpoints', name) ?? {}
  const backends = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports
      .filter((p) => (p.name ?? '') === (portName ?? ''))
      .flatMap((p) => addresses.map((a) => ({ ...a, port: p.port }))),
  )
  const backend = backends[call.parts.random.int(Math.max(1, backends.length))]
  if (!backend) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`)
  const node = backend.nodeName ?? ''
  return { node, address: { scheme, host: reachable(call, node, backend.ip), port: String(backend.port) } }
}

/** The port of the kubelet, or none: the kubelet; any other: what listens there on the node. */
function locateNode(call: Call, { scheme, name, port }: Asked): Target {
  const { status } = mustBeStored<Node>(call, name)
  if (port === '' || Number(port) === status?.daemonEndpoints?.kubeletEndpoint?.Port) return { node: name }
  return { node: name, address: { scheme, host: reachable(call, name, nodeAddress(status) ?? ''), port } }
}

const nodeAddress = (status: Node['status']) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address

/** Refuses addresses that belong to whoever connects and not to the cluster; on the loopback live pods of a node that does so itself. */
function reachable(call: Call, node: string, ip: string): string {
  const isLoopback = /^(127\.|::1$)/.test(ip)
  const isNobodys = ip === '' || /^(0\.|169\.254\.|2(2[4-9]|[345]\d)\.|::$|fe[89ab]|ff)/i.test(ip)
  const home = nodeAddress(stored<Node>(call, 'nodes', node)?.status) ?? ''
  if (isNobodys || (isLoopback && !home.startsWith('127.'))) throw badRequest('address not allowed')
  return ip
}
