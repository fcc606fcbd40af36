/** Verbs about a cluster that runs: finding it, its state, addresses that reach its Services. */
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { parse } from 'yaml'
import { ApiError } from '../api/status.ts'
import { systemClock } from '../base/clock.node.ts'
import { CliError } from '../cli/cli-error.ts'
import { currentServer } from '../cli/kubeconfig.ts'
import type { UrlOptions } from '../cli/program.ts'
import { statusText } from '../cli/status.ts'
import type { Language, Text } from '../cli/text.ts'
import { urlTarget } from '../cli/url.ts'
import { ApiClient } from '../client/api-client.ts'
import { httpTransport } from '../client/http.node.ts'
import { pods, services } from '../client/resources.ts'
import { TransportError } from '../client/transport.ts'
import { type Instance, runningInstances } from './instance.node.ts'
import { sayWhenSlow } from './progress.node.ts'
import { systemError } from './system-error.node.ts'

/**
 * The one that runs, the one at `port`, or of several the one that KUBECONFIG speaks of. Throws CliError when there is none, or
 * the choice is not clear.
 */
export function theInstance(port: string | undefined): Instance {
  const all = runningInstances()
  const current = port === undefined && all.length > 1 ? ofKubeconfig(all) : undefined
  if (current) return current
  const ports = all.map((instance) => instance.port).join(', ')
  if (all.length === 0) throw new CliError(NONE_RUNS)
  if (port !== undefined) {
    const found = all.find((instance) => String(instance.port) === port)
    if (found) return found
    throw new CliError({
      en: `no ebb runs at port ${port}; running at: ${ports}`,
      ko: `포트 ${port} 에서 실행 중인 ebb가 없습니다. 실행 중인 포트: ${ports}`,
    })
  }
  if (all.length > 1)
    throw new CliError({
      en: `more than one ebb runs: name it with --port (${ports}), or set KUBECONFIG`,
      ko: `ebb가 여럿 실행 중입니다. --port 로 고르거나(${ports}) KUBECONFIG 를 설정하세요`,
    })
  return all[0] as Instance
}

/** The one of them that kubectl would speak to. */
function ofKubeconfig(all: readonly Instance[]): Instance | undefined {
  const files = (process.env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '')
  const server = currentServer(
    files.flatMap((path) => {
      try {
        return [parse(readFileSync(path, 'utf8')) as unknown]
      } catch {
        // kubectl says what is wrong with it.
        return []
      }
    }),
  )
  return all.find(({ url, port }) => server === url || server === `https://localhost:${port}`)
}

const NONE_RUNS: Text = {
  en: 'no ebb runs here; start one with "ebb up"',
  ko: '실행 중인 ebb가 없습니다. "ebb up"으로 시작하세요',
}

/** Works with a client that has the credentials of the instance's kubeconfig; says what is wrong in a sentence. */
export async function withClient(instance: Instance, language: Language, work: (client: ApiClient) => Promise<void>) {
  const { url } = instance
  const said = sayWhenSlow({ en: `Waiting for ${url} to answer.`, ko: `${url} 의 응답을 기다리는 중입니다.` }, language)
  try {
    const client = await clientOf(instance)
    await work(client).finally(() => client.transport.close())
  } catch (error) {
    if (error instanceof ApiError) throw new CliError(error.message)
    if (error instanceof TransportError)
      throw new CliError({
        en: `the ebb at ${url} does not answer (${error.message}): end it with "ebb down" and start it again`,
        ko: `${url} 의 ebb가 응답하지 않습니다(${error.message}). "ebb down"으로 끝내고 다시 시작하세요`,
      })
    throw error
  } finally {
    said()
  }
}

async function clientOf({ kubeconfig, url }: Instance): Promise<ApiClient> {
  const config = parse(readKubeconfig(kubeconfig)) as {
    clusters: { cluster: { 'certificate-authority-data': string } }[]
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
  }
  const text = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString()
  const user = config.users[0]?.user
  const transport = await httpTransport({
    server: url,
    ca: text(config.clusters[0]?.cluster['certificate-authority-data']),
    cert: text(user?.['client-certificate-data']),
    key: text(user?.['client-key-data']),
  })
  return new ApiClient(transport, { userAgent: 'ebb' })
}

function readKubeconfig(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw systemError(error, (why) => ({
      en: `the kubeconfig ${path} of this ebb cannot be read (${why.en}): "ebb down" and "ebb up" write it anew`,
      ko: `이 ebb의 kubeconfig ${path} 을(를) 읽을 수 없습니다(${why.ko}). "ebb down" 후 "ebb up"을 하면 다시 씁니다`,
    }))
  }
}

/** How long the API of an ebb that is to end is asked, in ms. */
const GRACE_ASKED_MAX_MS = 3_000

/** The longest time that a pod of this ebb may take to end, in ms; 0 when there is none, or it does not say. */
export async function longestGraceMs(instance: Instance): Promise<number> {
  const asked = (async () => {
    const client = await clientOf(instance)
    const { items } = await client.list(pods).finally(() => client.transport.close())
    return Math.max(0, ...items.map(({ spec }) => (spec.terminationGracePeriodSeconds ?? 0) * 1000))
  })().catch(() => 0)
  return Promise.race([
    asked,
    new Promise<number>((resolve) => setTimeout(() => resolve(0), GRACE_ASKED_MAX_MS).unref()),
  ])
}

/** All that run; where KUBECONFIG speaks of one of them, that one first. */
export async function status(port: string | undefined, language: Language): Promise<void> {
  const all = port === undefined ? runningInstances() : [theInstance(port)]
  const current = all.length > 1 ? ofKubeconfig(all) : undefined
  const instances = current ? [current, ...all.filter((instance) => instance !== current)] : all
  if (instances.length === 0) process.stdout.write(`${NONE_RUNS[language]}\n`)
  for (const instance of instances)
    await withClient(instance, language, async (client) => {
      process.stdout.write(await statusText(client, instance, systemClock.now(), language))
    })
}

export async function url(text: string, options: UrlOptions, language: Language): Promise<void> {
  const target = urlTarget(text)
  await withClient(theInstance(options.port), language, async (client) => {
    const ref = { name: target.name, namespace: options.namespace ?? 'default' }
    const destination =
      target.kind === 'pod'
        ? await podAddress(client, ref, target.port)
        : await serviceAddress(client, ref, target.port)
    const { address } = (await client.call('POST', '/ebb/v1/relays', { target: destination })) as { address: string }
    process.stdout.write(`http://${address}\n`)
  })
}

type Reference = { readonly name: string; readonly namespace: string }

async function serviceAddress(client: ApiClient, ref: Reference, port: string | undefined): Promise<string> {
  const service = await client.find(services, ref)
  if (!service) throw new CliError(nothingThere('service', ref))
  const { clusterIP, ports = [] } = service.spec ?? {}
  if (!clusterIP || clusterIP === 'None')
    throw new CliError({
      en: `service ${ref.name} has no cluster IP (headless): name one of its pods, as pod/NAME:PORT`,
      ko: `서비스 ${ref.name} 에는 클러스터 IP가 없습니다(headless). pod/이름:포트 로 파드를 지정하세요`,
    })
  const chosen = port === undefined ? ports[0] : ports.find((p) => p.name === port || String(p.port) === port)
  if (chosen) return `${clusterIP}:${chosen.port}`
  const known = ports.map((p) => (p.name ? `${p.port} (${p.name})` : p.port)).join(', ')
  throw new CliError({
    en: `service ${ref.name} has no port ${port}; it has ${known}`,
    ko: `서비스 ${ref.name} 에는 포트 ${port} 이(가) 없습니다. 있는 포트: ${known}`,
  })
}

async function podAddress(client: ApiClient, ref: Reference, port: string | undefined): Promise<string> {
  const pod = await client.find(pods, ref)
  if (!pod) throw new CliError(nothingThere('pod', ref))
  if (pod.status?.podIP) return `${pod.status.podIP}:${port}`
  throw new CliError({
    en: `pod ${ref.name} has no address yet (phase ${pod.status?.phase})`,
    ko: `파드 ${ref.name} 에는 아직 주소가 없습니다 (단계 ${pod.status?.phase})`,
  })
}

function nothingThere(kind: 'service' | 'pod', { name, namespace }: Reference): Text {
  return {
    en: `there is no ${kind} ${name} in namespace ${namespace}; kubectl get ${kind} -A lists them all`,
    ko: `네임스페이스 ${namespace} 에 ${kind === 'pod' ? '파드' : '서비스'} ${name} 이(가) 없습니다. kubectl get ${kind} -A 로 모두 볼 수 있습니다`,
  }
}
