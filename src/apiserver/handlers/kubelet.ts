/** Logs, exec, attach and port-forward: checked here, carried out by the kubelet of the pod's node. */
import { type FieldError, forbiddenField, invalid, invalidObject } from '../../api/field-error.ts'
import { hasNul } from '../../api/nul.ts'
import type { KubernetesObject } from '../../api/object.ts'
import { isTerminalPhase } from '../../api/pod-phase.ts'
import { badRequest, notFound } from '../../api/status.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { canonicalTime } from '../../wire/go-time.ts'
import { type Call, demandVerb } from '../call.ts'
import { integer } from '../list-query.ts'

interface Container {
  readonly name: string
}

interface PodLike extends KubernetesObject {
  readonly spec?: {
    readonly nodeName?: string
    readonly containers?: readonly Container[]
    readonly initContainers?: readonly Container[]
    readonly ephemeralContainers?: readonly Container[]
  }
  readonly status?: { readonly phase?: string }
}

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

async function podOf(call: Call): Promise<PodLike> {
  const { namespace, name } = call.exchange.info
  const item = await call.parts.registry.get(call.resource, { namespace, name })
  return item.object as PodLike
}

const names = (containers: readonly Container[] | undefined) => (containers ?? []).map((c) => c.name)

/** The container that the request means; 400 in Kubernetes' words when it does not say or there is none of that name. */
function containerOf(pod: PodLike, asked: string, useDefault: boolean): string {
  const { name } = pod.metadata
  const main = names(pod.spec?.containers)
  const init = names(pod.spec?.initContainers)
  const ephemeral = names(pod.spec?.ephemeralContainers)
  if (asked) {
    if ([...main, ...init, ...ephemeral].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${name}`)
  }
  if (main.length === 1) return main[0] ?? ''
  if (main.length === 0) throw badRequest(`a container name must be specified for pod ${name}`)
  const preferred = pod.metadata.annotations?.[DEFAULT_CONTAINER]
  if (useDefault && preferred && main.includes(preferred)) return preferred
  const first = `a container name must be specified for pod ${name}, choose one of: [${main.join(' ')}]`
  throw badRequest(init.length > 0 ? `${first} or one of the init containers: [${init.join(' ')}]` : first)
}

/** GET pods/NAME/log. A pod without a node has no log yet: an empty answer. */
export async function handleLog(call: Call): Promise<ApiResponse> {
  const { query } = call.exchange.request
  refuseLogOptions(query, call.exchange.info.name)
  const pod = await podOf(call)
  const container = containerOf(pod, query.get('container') ?? '', true)
  const node = pod.spec?.nodeName
  if (!node) return { status: 204, headers: {}, body: { type: 'empty' } }
  const rest = new URLSearchParams(query)
  rest.delete('container')
  rest.delete('insecureSkipTLSVerifyBackend')
  return forward(call, node, `/containerLogs/${pathOf(pod)}/${encodeURIComponent(container)}`, rest)
}

/** 422 for limits that make no sense. */
function refuseLogOptions(query: URLSearchParams, name: string): void {
  const errors: FieldError[] = []
  readTime(query.get('sinceTime'))
  const tail = integer(query, 'tailLines')
  if (tail !== undefined && tail < 0) errors.push(invalid('tailLines', tail, 'must be greater than or equal to 0'))
  for (const field of ['limitBytes', 'sinceSeconds']) {
    const value = integer(query, field)
    if (value !== undefined && value < 1) errors.push(invalid(field, value, 'must be greater than 0'))
  }
  if (query.has('sinceSeconds') && query.has('sinceTime'))
    errors.push(forbiddenField('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'))
  if (query.get('stream')) errors.push(forbiddenField('stream', 'may not be specified'))
  if (errors.length > 0)
    throw invalidObject({ group: '', resource: 'PodLogOptions', kind: 'PodLogOptions' }, name, errors)
}

/** 400, in Go's words, for a time that is none. */
function readTime(text: string | null): void {
  if (!text || text === 'null') return
  try {
    canonicalTime(text)
  } catch (error) {
    throw badRequest((error as Error).message)
  }
}

export const handleExec = (call: Call): Promise<ApiResponse> => stream(call, 'exec')
export const handleAttach = (call: Call): Promise<ApiResponse> => stream(call, 'attach')

/** Who runs something in a pod changes it, also where a WebSocket begins with a GET (KEP-4006). */
async function stream(call: Call, verb: 'exec' | 'attach'): Promise<ApiResponse> {
  demandVerb(call, 'create')
  const pod = await podOf(call)
  const { query } = call.exchange.request
  const container = containerOf(pod, query.get('container') ?? '', true)
  const node = assignedNode(pod)
  const phase = pod.status?.phase
  if (isTerminalPhase(phase))
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`)
  const rest = new URLSearchParams()
  for (const name of ['stdin', 'stdout', 'stderr', 'tty'])
    if (isSet(query.get(name))) rest.set(SHORT[name] ?? name, '1')
  for (const argument of query.getAll('command')) {
    if (hasNul(argument)) throw badRequest('command must not contain the NUL character (U+0000): no argument can')
    rest.append('command', argument)
  }
  return connect(call, node, `/${verb}/${pathOf(pod)}/${encodeURIComponent(container)}`, rest)
}

/** The kubelet's own names for the streams. */
const SHORT: Readonly<Record<string, string>> = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' }

const isSet = (value: string | null) => value === 'true' || value === '1'

export async function handlePortForward(call: Call): Promise<ApiResponse> {
  demandVerb(call, 'create')
  const pod = await podOf(call)
  const query = new URLSearchParams(call.exchange.request.query)
  return connect(call, assignedNode(pod), `/portForward/${pathOf(pod)}`, query)
}

function assignedNode(pod: PodLike): string {
  const node = pod.spec?.nodeName
  if (!node) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`)
  return node
}

function pathOf({ metadata }: PodLike): string {
  return `${encodeURIComponent(metadata.namespace ?? '')}/${encodeURIComponent(metadata.name ?? '')}`
}

/** A stream both ways, which needs a connection of its own. */
function connect(call: Call, ...to: [node: string, path: string, query: URLSearchParams]): ApiResponse {
  const answer = forward(call, ...to)
  const { upgrade, headers } = call.exchange.request
  if (!upgrade) throw badRequest('Upgrade request required')
  const protocol = headers.upgrade ?? ''
  if (protocol.toLowerCase() !== 'websocket')
    throw badRequest(`unable to upgrade to ${protocol}: ebb streams over WebSocket, as kubectl 1.31 and newer do`)
  return answer
}

/** 404 for a node that is not there: a pod may be bound to any name. */
function forward({ parts }: Call, ...[node, path, query]: [string, string, URLSearchParams]): ApiResponse {
  const nodes = parts.registry.find('', 'v1', 'nodes')
  if (nodes && !parts.registry.peek(nodes, '', node)) throw notFound(nodes.groupResource, node)
  return {
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: { type: 'forward', node, path, query: query.toString() },
  }
}
