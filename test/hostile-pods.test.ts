/**
 * Fields of a pod against hostile values: of an ebb of root, of an ordinary user, and of one whose pods are plain processes.
 * Whatever a field says, the API server answers, the node goes on, other pods live, the host's files stay as they were, and
 * the pod can be deleted.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bubblewrapTrouble } from '../src/kubelet/runtimes/process/bubblewrap.node.ts'
import { whyNoNamespaces } from '../src/main/fabric.node.ts'
import { ApiConnection } from '../tools/golden/api-connection.mjs'
import { type StartedCluster, startCluster } from '../tools/golden/cluster.mjs'
import { gone, processesWith } from './processes.ts'

/** An ordinary user that every system has. */
const NOBODY = 65534
const isRoot = process.getuid?.() === 0
const bubblewrap = await bubblewrapTrouble()
const sandboxed = whyNoNamespaces() ?? (bubblewrap && `bubblewrap ${bubblewrap}`)
if (sandboxed) console.log(`skipped, hostile pods in a sandbox: ${sandboxed}`)
const canHide = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0
if (!canHide)
  console.log('skipped, hostile pods that are plain processes: only root can hide the programs that make sandboxes')

/** Hides the programs without which there are no namespaces and no sandboxes, in a mount namespace of ebb's own. */
const HIDE =
  'for n in ip bwrap; do p=$(PATH=$PATH:/usr/sbin:/sbin command -v $n) && mount --bind /dev/null "$(readlink -f "$p")"; done; exec "$@"'

type Json = Record<string, unknown>
/** What differs from a pod that just sleeps. */
interface Change {
  readonly metadata?: Json
  readonly spec?: Json
  readonly container?: Json
}
type Field = (value: string) => Change

const container = (more: Json): Change => ({ container: more })
const mounted = (volume: Json, mount: Json = {}): Change => ({
  spec: { volumes: [{ name: 'v', ...volume }] },
  container: { volumeMounts: [{ name: 'v', mountPath: '/mnt/v', ...mount }] },
})
const variable =
  (name: string): Field =>
  (value) =>
    container({ env: [{ name, value }] })
const handler = (value: string) => ({ exec: { command: [value] } })
const readOnlyHost = (value: string, type: string) => mounted({ hostPath: { path: value, type } }, { readOnly: true })

/** Fields by what they are about. One group is tried at a time, at most a hundred pods. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  names: {
    'metadata.name': (value) => ({ metadata: { name: value } }),
    'an annotation': (value) => ({ metadata: { annotations: { a: value, [value]: 'a' } } }),
    'a label': (value) => ({ metadata: { labels: { hostile: 'yes', a: value } } }),
    'the name of a container': (value) => container({ name: value }),
  },
  'its program': {
    image: (value) => container({ image: value }),
    command: (value) => container({ command: [value] }),
    args: (value) => container({ command: ['/bin/echo'], args: [value, value] }),
    workingDir: (value) => container({ workingDir: value }),
  },
  'its environment': {
    'the name of a variable': (value) => variable(value)('x'),
    'the value of a variable': variable('A'),
    PATH: variable('PATH'),
    'envFrom.prefix': (value) => container({ envFrom: [{ prefix: value, configMapRef: { name: 'c' } }] }),
  },
  'what loaders and shells obey': {
    LD_PRELOAD: variable('LD_PRELOAD'),
    BASH_ENV: variable('BASH_ENV'),
    'lifecycle.stopSignal': (value) => ({
      spec: { os: { name: 'linux' } },
      container: { lifecycle: { stopSignal: value } },
    }),
    terminationMessagePath: (value) => container({ terminationMessagePath: value }),
  },
  'its mounts': {
    mountPath: (value) => mounted({ emptyDir: {} }, { mountPath: value }),
    subPath: (value) => mounted({ emptyDir: {} }, { subPath: value }),
    subPathExpr: (value) => {
      const { spec, container } = mounted({ emptyDir: {} }, { subPathExpr: '$(X)' })
      return { spec: spec as Json, container: { ...container, ...variable('X')(value).container } }
    },
    'the name of a volume': (value) => mounted({ name: value, emptyDir: {} }, { name: value }),
  },
  'what must be there on the host': {
    'hostPath.path of a directory': (value) => readOnlyHost(value, 'Directory'),
    'hostPath.path of a file': (value) => readOnlyHost(value, 'File'),
    'hostPath.path of a device': (value) => readOnlyHost(value, 'CharDevice'),
  },
  'files made for it': {
    'configMap.items.path': (value) => mounted({ configMap: { name: 'c', items: [{ key: 'k', path: value }] } }),
    'serviceAccountToken.path': (value) =>
      mounted({ projected: { sources: [{ serviceAccountToken: { path: value } }] } }),
    'downwardAPI.items.path': (value) =>
      mounted({ downwardAPI: { items: [{ path: value, fieldRef: { fieldPath: 'metadata.name' } }] } }),
  },
  'its network': {
    hostname: (value) => ({ spec: { hostname: value } }),
    subdomain: (value) => ({ spec: { subdomain: value } }),
    hostAliases: (value) => ({ spec: { hostAliases: [{ ip: '10.0.0.9', hostnames: [value] }] } }),
    dnsConfig: (value) => ({
      spec: { dnsConfig: { nameservers: ['10.0.0.9'], searches: [value], options: [{ name: value, value }] } },
    }),
  },
  'probes and hooks': {
    'a probe’s command': (value) => container({ livenessProbe: { ...handler(value), periodSeconds: 1 } }),
    'a probe’s path and header': (value) =>
      container({
        readinessProbe: { httpGet: { path: value, port: 80, httpHeaders: [{ name: 'x', value }] }, periodSeconds: 1 },
      }),
    'a hook’s command': (value) => container({ lifecycle: { postStart: handler(value), preStop: handler(value) } }),
  },
  'its security': {
    'capabilities.add': (value) => container({ securityContext: { capabilities: { add: [value] } } }),
    'seccompProfile.localhostProfile': (value) =>
      container({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: value } } }),
    sysctls: (value) => ({ spec: { securityContext: { sysctls: [{ name: value, value }] } } }),
  },
}

/** `folder`: one of the host's that everybody may write. Whoever takes a value for more than it is makes `made` in it. */
const values = (folder: string): Readonly<Record<string, string>> => ({
  'a way out': `../../../../../../../../../../../..${folder}/made`,
  'a way out of the middle': `x/../../../../../../../../../..${folder}/made`,
  'an absolute path': `${folder}/made`,
  'a path by /proc': `/proc/self/root${folder}/made`,
  'a link to the root': `${folder}/link`,
  'a link in a loop': `${folder}/loop`,
  'a FIFO': `${folder}/fifo`,
  'a device': '/dev/zero',
  'a folder': folder,
  'the root': '/',
  'a NUL': `x\0--bind\0${folder}\0/x`,
  'an option': `--bind=${folder}`,
  'a substitution': `$(touch ${folder}/made)`,
  'quotes and an end': `'"; touch ${folder}/made; #\`touch ${folder}/made\``,
  lines: `x\ntouch ${folder}/made\n. ${folder}/made`,
  'control characters': '\u001b[2J\r\u0007\u007f',
  'other scripts': '종료 “ÿ” \u{1f480} e\u0301 \u202e',
  'half a character': '\ud800x',
  nothing: '',
  'very much': 'x'.repeat(150_000),
  'many parts': '/x'.repeat(5_000),
})

interface Mode {
  readonly name: string
  readonly start: (home: string) => Parameters<typeof startCluster>[0]
}
const asUser = { as: { uid: NOBODY, gid: NOBODY } }
const MODES: readonly Mode[] = [
  ...(sandboxed ? [] : [{ name: isRoot ? 'of root' : 'of this user', start: () => ({}) }]),
  ...(sandboxed || !isRoot ? [] : [{ name: 'of an ordinary user', start: () => asUser }]),
  ...(canHide
    ? [{ name: 'of plain processes', start: () => ({ through: ['unshare', '--mount', 'sh', '-c', HIDE, 'sh'] }) }]
    : []),
]

const PODS = '/api/v1/namespaces/default/pods'

describe.each(MODES)('an ebb $name', ({ start }) => {
  let home: string
  let folder: string
  let cluster: StartedCluster
  let api: ApiConnection
  let pods = 0
  /** What is there of them now, and who was warned of. */
  const hostile = new Map<string, HostilePod>()
  const warned = new Set<string>()
  let look = () => {}

  /** Resolves when it holds, looking at each change. */
  async function seen(what: () => boolean): Promise<void> {
    while (!what())
      await new Promise<void>((resolve) => {
        look = resolve
      })
  }

  function follow(): void {
    api.lines(`${PODS}?watch=1&labelSelector=hostile`, (line) => {
      const { type, object } = JSON.parse(line) as { type: string; object: HostilePod }
      if (type === 'DELETED') hostile.delete(object.metadata.name)
      else hostile.set(object.metadata.name, object)
      look()
    })
    api.lines('/api/v1/namespaces/default/events?watch=1&fieldSelector=type=Warning', (line) => {
      warned.add((JSON.parse(line) as { object: HostileEvent }).object.involvedObject.name)
      look()
    })
  }

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'ebb-home-'))
    chmodSync(home, 0o755)
    if (isRoot) chownSync(home, NOBODY, NOBODY)
    folder = mkdtempSync(join(existsSync('/srv') && isRoot ? '/srv' : process.cwd(), 'ebb-test-'))
    chmodSync(folder, 0o777)
    symlinkSync('/', join(folder, 'link'))
    symlinkSync('loop', join(folder, 'loop'))
    spawnSync('mkfifo', [join(folder, 'fifo')])
    writeFileSync(join(folder, 'file'), 'untouched')
    chmodSync(join(folder, 'file'), 0o666)
    const options = start(home)
    cluster = await startCluster({ ...options, env: asUser === options ? { HOME: home, XDG_RUNTIME_DIR: home } : {} })
    api = new ApiConnection({ server: cluster.url, token: cluster.token })
    const account = async () => (await ask('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status
    while ((await account()) !== 200) await wait()
    await ask('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'c' },
      data: { k: 'v', 'K-1': 'w' },
    })
    await ask('POST', PODS, draft('good', { metadata: { labels: {} } }))
    while ((await status('good'))?.phase !== 'Running') await wait()
    follow()
  }, 60_000)
  afterAll(async () => {
    api?.close()
    await cluster?.stop()
    for (const path of [home, folder]) rmSync(path, { recursive: true, force: true })
  })

  const ask = async (method: string, path: string, sent?: object) =>
    (await api.request(method, path, sent)) as { status: number; body: Answer }
  const wait = () => new Promise((resolve) => setTimeout(resolve, 20))
  const status = async (name: string) => (await ask('GET', `${PODS}/${name}`)).body.status

  it.each(Object.entries(FIELDS))(
    '%s',
    async (_group, fields) => {
      const answers: [string, number, string | undefined][] = []
      const made: string[] = []
      for (const [field, change] of Object.entries(fields))
        for (const [what, value] of Object.entries(values(folder))) {
          const { status, body } = await ask('POST', PODS, draft(`h${pods++}`, change(value)))
          answers.push([`${field}: ${what}`, status, body.message])
          if (status === 201) made.push((body as unknown as HostilePod).metadata.name)
        }
      // Taken, or refused for what is wrong with it.
      expect(answers.filter(([, code]) => ![201, 400, 413, 422].includes(code))).toEqual([])
      await seen(() => made.every((name) => warned.has(name) || settled(hostile.get(name))))
      await ask('DELETE', `${PODS}?labelSelector=hostile&gracePeriodSeconds=1`)
      await seen(() => hostile.size === 0)
      expect(readdirSync(folder).sort()).toEqual(['fifo', 'file', 'link', 'loop'])
      expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('untouched')
      const { phase, containerStatuses } = await status('good')
      expect([phase, containerStatuses?.[0]?.restartCount]).toEqual(['Running', 0])
    },
    120_000,
  )

  it('and the node has not been lost, nor said what nobody can read', async () => {
    const { body } = await ask('GET', '/api/v1/nodes/ebb-1')
    expect(body.status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }))
    expect(cluster.output()).not.toMatch(/^\s+at |TypeError|uncaught|has ended/im)
  })

  it('ends with nothing left', async () => {
    const run = `/${cluster.pid}/api.sock`
    api.close()
    expect(await cluster.stop()).toBe(0)
    await gone(() => processesWith(run))
  })
})

/** Of anything: an object, a list, a refusal. */
interface Answer {
  readonly message?: string
  readonly items: readonly unknown[]
  readonly status: PodStatus & { readonly conditions: readonly Json[] }
}
interface PodStatus {
  readonly phase: string
  readonly containerStatuses?: readonly { restartCount: number; readonly state: Readonly<Record<string, Json>> }[]
}
interface HostilePod {
  readonly metadata: { readonly name: string }
  readonly status: PodStatus
}
interface HostileEvent {
  readonly involvedObject: { readonly name: string }
}

/** Its container runs, has ended, or waits for another reason than that the node is at it. */
function settled(pod: HostilePod | undefined): boolean {
  const state = pod?.status.containerStatuses?.[0]?.state
  return state !== undefined && state.waiting?.reason !== 'ContainerCreating'
}

function draft(name: string, { metadata, spec, container }: Change) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { hostile: 'yes' }, ...metadata },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...spec,
      containers: [{ name: 'c', image: 'any', command: ['/bin/sleep', '600'], ...container }],
    },
  }
}
