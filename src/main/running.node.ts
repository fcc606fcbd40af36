/** Verbs about a cluster that runs: finding it, its state, addresses that reach its Services. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { systemClock } from '../base/clock.node.ts'
import { CliError } from '../cli/cli-error.ts'
import type { Language } from '../cli/language.ts'
import type { UrlOptions } from '../cli/program.ts'
import { statusText } from '../cli/status.ts'
import { urlTarget } from '../cli/url.ts'
import { ApiClient } from '../client/api-client.ts'
import { httpTransport } from '../client/http.node.ts'
import { pods, services } from '../client/resources.ts'
import { type Instance, runningInstances } from './instance.node.ts'

/** The one that runs, or the one at `port`. Throws CliError when there is none, or the choice is not clear. */
export function theInstance(port: string | undefined): Instance {
  const all = runningInstances()
  if (port !== undefined) {
    const found = all.find((instance) => String(instance.port) === port)
    if (!found) throw new CliError(`no ebb runs at port ${port}; ${known(all)}`)
    return found
  }
  const [only, another] = all
  if (!only) throw new CliError('no ebb runs here; start one with "ebb up"')
  if (another) throw new CliError(`more than one ebb runs: name it with --port (${all.map((i) => i.port).join(', ')})`)
  return only
}

const known = (all: readonly Instance[]): string =>
  all.length ? `running at: ${all.map((i) => i.port).join(', ')}` : 'none runs at all; start one with "ebb up"'

/** A client with the credentials of the instance's kubeconfig. */
export async function clientOf(instance: Instance): Promise<ApiClient> {
  const config = parse(readFileSync(instance.kubeconfig, 'utf8')) as {
    clusters: { cluster: { 'certificate-authority-data': string } }[]
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
  }
  const text = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString()
  const user = config.users[0]?.user
  const transport = await httpTransport({
    server: instance.url,
    ca: text(config.clusters[0]?.cluster['certificate-authority-data']),
    cert: text(user?.['client-certificate-data']),
    key: text(user?.['client-key-data']),
  })
  return new ApiClient(transport, { userAgent: 'ebb' })
}

export async function status(port: string | undefined, language: Language): Promise<void> {
  const instances = port === undefined ? runningInstances() : [theInstance(port)]
  if (instances.length === 0) {
    process.stdout.write(
      language === 'ko'
        ? '실행 중인 ebb 가 없습니다. "ebb up" 으로 시작하세요.\n'
        : 'no ebb runs here; start one with "ebb up"\n',
    )
    return
  }
  for (const instance of instances) {
    const client = await clientOf(instance)
    process.stdout.write(await statusText(client, instance, systemClock.now(), language))
    await client.transport.close()
  }
}

export async function url(text: string, options: UrlOptions): Promise<void> {
  const target = urlTarget(text)
  const client = await clientOf(theInstance(options.port))
  try {
    const ref = { name: target.name, namespace: options.namespace ?? 'default' }
    const destination =
      target.kind === 'pod'
        ? await podAddress(client, ref, target.port)
        : await serviceAddress(client, ref, target.port)
    const { address } = (await client.call('POST', '/ebb/v1/relays', { target: destination })) as { address: string }
    process.stdout.write(`http://${address}\n`)
  } finally {
    await client.transport.close()
  }
}

type Reference = { readonly name: string; readonly namespace: string }

async function serviceAddress(client: ApiClient, ref: Reference, port: string | undefined): Promise<string> {
  const service = await client.find(services, ref)
  if (!service) throw new CliError(`there is no service ${ref.name} in namespace ${ref.namespace}`)
  const { clusterIP, ports = [] } = service.spec ?? {}
  if (!clusterIP || clusterIP === 'None')
    throw new CliError(`service ${ref.name} has no cluster IP (headless): name a pod`)
  const chosen = port === undefined ? ports[0] : ports.find((p) => p.name === port || String(p.port) === port)
  if (!chosen)
    throw new CliError(
      `service ${ref.name} has no port ${port}; it has ${ports.map((p) => p.name ?? p.port).join(', ')}`,
    )
  return `${clusterIP}:${chosen.port}`
}

async function podAddress(client: ApiClient, ref: Reference, port: string | undefined): Promise<string> {
  const pod = await client.find(pods, ref)
  if (!pod) throw new CliError(`there is no pod ${ref.name} in namespace ${ref.namespace}`)
  if (!pod.status?.podIP) throw new CliError(`pod ${ref.name} has no address yet (phase ${pod.status?.phase})`)
  return `${pod.status.podIP}:${port}`
}
