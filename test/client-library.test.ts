/** The official JavaScript client against ebb, unchanged: objects, a watch, an informer, logs and exec. */
import { PassThrough } from 'node:stream'
import {
  AppsV1Api,
  CoreV1Api,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  type V1Pod,
  type V1Status,
  Watch,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type StartedCluster, startCluster } from '../tools/golden/cluster.mjs'

let cluster: StartedCluster
let config: KubeConfig
let core: CoreV1Api
const namespace = 'default'

beforeAll(async () => {
  cluster = await startCluster()
  config = new KubeConfig()
  config.loadFromFile(cluster.kubeconfig)
  core = config.makeApiClient(CoreV1Api)
  for (;;) {
    const { items } = await core.listNamespacedServiceAccount({ namespace })
    if (items.length > 0) break
  }
})
afterAll(() => cluster?.stop())

const pod = (name: string): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: 'app',
        image: 'busybox',
        command: ['sh', '-c', "trap 'echo TERM; exit 3' TERM; echo up; while :; do sleep 3600 & wait $!; done"],
      },
    ],
  },
})

/** Resolves with the first watch event that fits. */
function event(path: string, fits: (type: string, object: V1Pod) => boolean): Promise<V1Pod> {
  return new Promise((resolve, reject) => {
    let request: AbortController | undefined
    const seen = (type: string, object: V1Pod) => {
      if (!fits(type, object)) return
      request?.abort()
      resolve(object)
    }
    new Watch(config)
      .watch(path, {}, seen, (error) => error && reject(error))
      .then((started) => {
        request = started
      }, reject)
  })
}

it('a pod runs, is read, logs, executes and ends with its own exit code', async () => {
  const pods = `/api/v1/namespaces/${namespace}/pods`
  const running = event(pods, (_, o) => o.metadata?.name === 'lib' && o.status?.phase === 'Running')
  await core.createNamespacedPod({ namespace, body: pod('lib') })
  await running

  const log = new PassThrough()
  const lines: string[] = []
  log.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean)))
  const followed = new Promise((resolve) => log.on('end', resolve))
  await new Log(config).log(namespace, 'lib', 'app', log, { follow: true })

  const out = new PassThrough()
  let said = ''
  out.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(config)
      .exec(namespace, 'lib', 'app', ['sh', '-c', 'echo inside; exit 4'], out, null, null, false, resolve)
      .catch(reject)
  })
  expect(said).toBe('inside\n')
  expect(status.details?.causes?.[0]?.message).toBe('4')

  const ended = event(pods, (_, o) => o.metadata?.name === 'lib' && o.status?.phase === 'Failed')
  await core.deleteNamespacedPod({ namespace, name: 'lib' })
  expect((await ended).status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(3)
  await followed
  expect(lines).toEqual(['up', 'TERM'])
})

it('an informer sees objects come and go, and a typed error says what is missing', async () => {
  const seen: string[] = []
  const wanted = ['add lib-cm', 'update lib-cm', 'delete lib-cm']
  const informer = makeInformer(
    config,
    `/api/v1/namespaces/${namespace}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace, labelSelector: 'by=lib' }),
    'by=lib',
  )
  const all = new Promise<void>((resolve) => {
    for (const verb of ['add', 'update', 'delete'] as const)
      informer.on(verb, (object) => {
        seen.push(`${verb} ${object.metadata?.name}`)
        if (seen.length === wanted.length) resolve()
      })
  })
  await informer.start()
  const body = { metadata: { name: 'lib-cm', labels: { by: 'lib' } }, data: { a: '1' } }
  await core.createNamespacedConfigMap({ namespace, body })
  await core.replaceNamespacedConfigMap({ namespace, name: 'lib-cm', body: { ...body, data: { a: '2' } } })
  await core.deleteNamespacedConfigMap({ namespace, name: 'lib-cm' })
  await all
  await informer.stop()
  expect(seen).toEqual(wanted)
  await expect(core.readNamespacedPod({ namespace, name: 'nobody' })).rejects.toMatchObject({ code: 404 })
})

it('a Deployment through the generic object API', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config)
  const metadata = { name: 'lib-web', namespace }
  await objects.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'lib-web' } },
      template: { metadata: { labels: { app: 'lib-web' } }, spec: pod('x').spec },
    },
  } as never)
  await event(
    `/apis/apps/v1/namespaces/${namespace}/deployments`,
    (_, o) => (o as { status?: { readyReplicas?: number } }).status?.readyReplicas === 2,
  )
  await objects.delete({ apiVersion: 'apps/v1', kind: 'Deployment', metadata })
  const apps = config.makeApiClient(AppsV1Api)
  expect((await apps.listNamespacedDeployment({ namespace })).items).toEqual([])
})
