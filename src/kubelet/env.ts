/**
 * A container's environment and the expansion of $(VAR) in it, in command and args. Order and precedence as in Kubernetes:
 * variables of Services first, envFrom in its order, then env in its order; the later one of a name wins.
 */
import { hasNul } from '../api/nul.ts'
import type { Container, EnvVar, Pod, Service } from '../api/types/core-v1.gen.ts'
import { type DownwardFacts, fieldText, resourceText } from './downward.ts'
import { ConfigError, type Sources, secretContent, textOf } from './sources.ts'

/** The kernel takes no longer argument or variable (MAX_ARG_STRLEN). Values that refer to values can double with every line. */
const EXPANDED_LENGTH_MAX = 128 * 1024

/**
 * Replaces `$(NAME)` by its value; `$$` is a dollar; what is not defined stays as it is written. Throws ConfigError when the
 * result outgrows what any process can be given.
 *
 *   expand('$(A) $(B) $$(A)', new Map([['A', '1']]))   // '1 $(B) $(A)'
 */
export function expand(text: string, env: Pick<ReadonlyMap<string, string>, 'get'>): string {
  let length = text.length
  // Behind the last bracket nothing can be a name: looking for its end from every dollar there would be quadratic.
  const end = text.lastIndexOf(')') + 1
  const head = text.slice(0, end).replace(/\$(\$|\(([^)]*)\))/g, (whole, inner: string, name: string | undefined) => {
    const value = inner === '$' ? '$' : (env.get(name ?? '') ?? whole)
    length += value.length - whole.length
    if (length > EXPANDED_LENGTH_MAX)
      throw new ConfigError(`${shown(text)} expands to more than ${EXPANDED_LENGTH_MAX} characters`)
    return value
  })
  return head + text.slice(end).replaceAll('$$', '$')
}

const SHOWN_LENGTH_MAX = 60
const shown = (text: string) =>
  JSON.stringify(text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text)

/** Throws ConfigError when something that the environment needs is not there. */
export async function makeEnv(
  pod: Pod,
  container: Container,
  sources: Sources,
  facts: DownwardFacts,
): Promise<Map<string, string>> {
  const namespace = pod.metadata.namespace ?? ''
  const env = new Map<string, string>()
  const fromServices = serviceEnv(namespace, pod.spec.enableServiceLinks !== false, sources)
  const visible = new Map(fromServices)
  const set = (name: string, value: string, from: string) => {
    refuseNul(name, value, from)
    env.set(name, value)
    visible.set(name, value)
  }
  for (const from of container.envFrom ?? []) {
    const content = await contentFrom(from, namespace, sources)
    for (const [key, value] of content) set(`${from.prefix ?? ''}${key}`, value, sourceText(from))
  }
  for (const variable of container.env ?? []) {
    const value = await valueFor(variable, { pod, container, sources, facts, visible })
    if (value !== undefined) set(variable.name, value, sourceText(variable.valueFrom))
  }
  for (const [name, value] of fromServices) if (!env.has(name)) env.set(name, value)
  return env
}

/** Values of ConfigMaps, Secrets and annotations may hold NUL, where it would end a variable and begin another. */
function refuseNul(name: string, value: string, from: string): void {
  if (!hasNul(name) && !hasNul(value)) return
  const what = `environment variable ${JSON.stringify(name)}${from}`
  throw new ConfigError(
    `${what} contains the NUL character (U+0000), which no environment can hold; mount it as a file`,
  )
}

type From = NonNullable<Container['envFrom']>[number]

/** ` from secret "s"`, ` from field metadata.annotations['a']`; nothing for a value that the pod has itself. */
function sourceText(source: From | EnvVar['valueFrom']): string {
  const { configMapRef, secretRef, configMapKeyRef, secretKeyRef, fieldRef } = { ...source } as Partial<
    From & NonNullable<EnvVar['valueFrom']>
  >
  const configMap = configMapRef ?? configMapKeyRef
  const secret = secretRef ?? secretKeyRef
  if (configMap) return ` from configmap ${JSON.stringify(configMap.name ?? '')}`
  if (secret) return ` from secret ${JSON.stringify(secret.name ?? '')}`
  return fieldRef ? ` from field ${fieldRef.fieldPath}` : ''
}

/** Of a config map its texts alone: binaryData is for files. */
async function contentFrom(from: From, namespace: string, sources: Sources): Promise<Map<string, string>> {
  if (from.configMapRef) {
    const { name = '', optional } = from.configMapRef
    const found = await sources.configMap(namespace, name)
    if (!found && !optional) throw new ConfigError(`configmap ${JSON.stringify(name)} not found`)
    return new Map(Object.entries(found?.data ?? {}))
  }
  if (from.secretRef) {
    const { name = '', optional } = from.secretRef
    const found = await sources.secret(namespace, name)
    if (!found && !optional) throw new ConfigError(`secret ${JSON.stringify(name)} not found`)
    return new Map(found ? [...secretContent(found)].map(([key, bytes]) => [key, textOf(bytes)]) : [])
  }
  return new Map()
}

interface ValueContext {
  readonly pod: Pod
  readonly container: Container
  readonly sources: Sources
  readonly facts: DownwardFacts
  readonly visible: ReadonlyMap<string, string>
}

/** undefined: an optional reference to what is not there; the variable is left out. */
async function valueFor(variable: EnvVar, { pod, container, sources, facts, visible }: ValueContext) {
  const from = variable.valueFrom
  const namespace = pod.metadata.namespace ?? ''
  if (!from) return expand(variable.value ?? '', visible)
  if (from.fieldRef) return fieldText(from.fieldRef.fieldPath, pod, facts)
  if (from.resourceFieldRef) {
    const { containerName } = from.resourceFieldRef
    return resourceText(from.resourceFieldRef, containerName ? containerOf(pod, containerName) : container, facts)
  }
  if (from.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef
    const found = await sources.configMap(namespace, name)
    if (!found) return missing(optional, `configmap ${JSON.stringify(name)} not found`)
    const text = found.data?.[key]
    return text ?? missing(optional, `couldn't find key ${key} in ConfigMap ${namespace}/${name}`)
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef
    const found = await sources.secret(namespace, name)
    if (!found) return missing(optional, `secret ${JSON.stringify(name)} not found`)
    const bytes = secretContent(found).get(key)
    return bytes ? textOf(bytes) : missing(optional, `couldn't find key ${key} in Secret ${namespace}/${name}`)
  }
  if (from.fileKeyRef) throw new ConfigError('fileKeyRef is not supported on this node')
  return ''
}

function containerOf({ spec }: Pod, name: string): Container {
  const found = [...spec.containers, ...(spec.initContainers ?? [])].find((c) => c.name === name)
  if (!found) throw new ConfigError(`container ${name} not found`)
  return found
}

function missing(optional: boolean | undefined, message: string): undefined {
  if (!optional) throw new ConfigError(message)
  return undefined
}

/** The `kubernetes` Service always, the namespace's own with enableServiceLinks. */
function serviceEnv(namespace: string, links: boolean, sources: Sources): Map<string, string> {
  const env = new Map<string, string>()
  const master = sources.services('default').find((s) => s.metadata.name === 'kubernetes')
  if (master) serviceVariables(master, env)
  if (links) for (const service of sources.services(namespace)) serviceVariables(service, env)
  return env
}

/** `REDIS_SERVICE_HOST`, `REDIS_SERVICE_PORT`, and the variables of Docker links. */
function serviceVariables({ metadata, spec }: Service, env: Map<string, string>): void {
  const ip = spec?.clusterIP
  if (!ip || ip === 'None' || !spec?.ports?.length) return
  const name = (metadata.name ?? '').toUpperCase().replaceAll('-', '_')
  const first = spec.ports[0]
  env.set(`${name}_SERVICE_HOST`, ip)
  env.set(`${name}_SERVICE_PORT`, String(first?.port))
  for (const port of spec.ports)
    if (port.name) env.set(`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port))
  spec.ports.forEach(({ port, protocol = 'TCP' }, i) => {
    const url = `${protocol.toLowerCase()}://${ip}:${port}`
    const prefix = `${name}_PORT_${port}_${protocol}`
    if (i === 0) env.set(`${name}_PORT`, url)
    env.set(prefix, url)
    env.set(`${prefix}_PROTO`, protocol.toLowerCase())
    env.set(`${prefix}_PORT`, String(port))
    env.set(`${prefix}_ADDR`, ip)
  })
}
