/** A pod's volumes on this machine, without mounts: what is written, what is said when it cannot be, what is left. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Pod, Volume } from '../api/types/core-v1.gen.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { machineFiles } from './volumes/machine.node.ts'
import { FACTS, podWith, TestSources } from './volumes/test-sources.ts'
import { PodVolumes } from './volumes.ts'

let top: string
let sources: TestSources
let clock: SimClock
let failed: unknown[]
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'ebb-volumes-'))
  clock = new SimClock({ drain: async () => {} })
  sources = new TestSources()
  sources.now = () => clock.now()
  failed = []
  sources.addConfig('cm', { level: 'info', motd: 'hello' })
  sources.addSecret('s', { PASSWORD: 'geheim' })
})
afterEach(() => rmSync(top, { recursive: true, force: true }))

const volumesOf = () =>
  new PodVolumes(
    { own: `${top}/pod`, mounts: undefined },
    { files: machineFiles((id) => id), sources, clock, failed: (_, error) => void failed.push(error) },
  )
const at = (path: string) => join(top, 'pod', 'volumes', path)
const text = (path: string) => readFileSync(at(path), 'utf8')
const modeOf = (path: string) => (statSync(at(path)).mode & 0o7777).toString(8)
/** Sets up and tells what could not be. */
const said = async (volumes: readonly Volume[], spec: Partial<Pod['spec']> = {}) =>
  (await volumesOf().setUp(podWith(volumes, spec), FACTS))?.messages ?? []

const projected = (...list: NonNullable<NonNullable<Volume['projected']>['sources']>): Volume => ({
  name: 'p',
  projected: { sources: list },
})

describe('contents of volumes', () => {
  it('are config, secrets, the downward API and a token', async () => {
    const volumes: Volume[] = [
      { name: 'empty', emptyDir: {} },
      { name: 'c', configMap: { name: 'cm', items: [{ key: 'level', path: 'sub/deep/a.txt' }], defaultMode: 0o400 } },
      { name: 's', secret: { secretName: 's' } },
      { name: 'd', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      projected(
        { serviceAccountToken: { path: 'token' } },
        { downwardAPI: { items: [{ path: 'ns', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
        { configMap: { name: 'gone', optional: true } },
      ),
    ]
    expect(await said(volumes)).toEqual([])
    expect([text('c/sub/deep/a.txt'), modeOf('c/sub/deep/a.txt'), modeOf('c/sub')]).toEqual(['info', '400', '755'])
    expect([text('s/PASSWORD'), modeOf('s/PASSWORD')]).toEqual(['geheim', '644'])
    expect(text('d/labels')).toBe('app="web"')
    expect([text('p/token'), modeOf('p/token'), text('p/ns')]).toEqual(['token 1', '644', 'default'])
    expect([modeOf('empty'), modeOf('s')]).toEqual(['777', '777'])
  })

  it('[VO2] lie as programs that watch them expect', async () => {
    expect(await said([{ name: 'c', configMap: { name: 'cm' } }])).toEqual([])
    const data = readlinkSync(at('c/..data'))
    expect(data).toMatch(/^\.\.\d{4}(_\d\d){5}\.\w+$/)
    expect(readdirSync(at('c')).sort()).toEqual(['..data', data, 'level', 'motd'].sort())
    expect(readlinkSync(at('c/level'))).toBe('..data/level')
  })

  it('change in one instant, and only when there is news', async () => {
    const pod = podWith([{ name: 'c', configMap: { name: 'cm' } }])
    const volumes = volumesOf()
    await volumes.setUp(pod, FACTS)
    const first = readlinkSync(at('c/..data'))
    expect(await volumes.refresh(pod, FACTS)).toEqual([])
    expect(readlinkSync(at('c/..data'))).toBe(first)
    sources.addConfig('cm', { level: 'debug', added: 'x' })
    await volumes.refresh(pod, FACTS)
    expect(readlinkSync(at('c/..data'))).not.toBe(first)
    expect([text('c/level'), text('c/added')]).toEqual(['debug', 'x'])
    expect(readdirSync(at('c')).filter((name) => !name.startsWith('..'))).toEqual(['added', 'level'])
    expect(existsSync(at(`c/${first}`))).toBe(false)
  })

  it('[VO3] get a new token when four fifths of the old one are over', async () => {
    const pod = podWith([projected({ serviceAccountToken: { path: 'token' } })])
    const volumes = volumesOf()
    await volumes.setUp(pod, FACTS)
    await clock.advance(sources.tokenLifeMs * 0.79)
    await volumes.refresh(pod, FACTS)
    expect(text('p/token')).toBe('token 1')
    await clock.advance(sources.tokenLifeMs * 0.02)
    await volumes.refresh(pod, FACTS)
    expect(text('p/token')).toBe('token 2')
  })

  it('of a token is private where the pod says whose it is', async () => {
    const securityContext = { runAsUser: process.getuid?.() ?? 0 }
    await said([projected({ serviceAccountToken: { path: 'token' } })], { securityContext })
    expect([modeOf('p/token'), statSync(at('p/token')).uid]).toEqual(['600', securityContext.runAsUser])
  })

  it('[VO7] are the fsGroup’s, which may read what is secret and write what is empty', async () => {
    const fsGroup = process.getgid?.() ?? 0
    const volumes: Volume[] = [
      { name: 'empty', emptyDir: {} },
      { name: 's', secret: { secretName: 's', defaultMode: 0o400 } },
      projected({ serviceAccountToken: { path: 'token' } }),
    ]
    await said(volumes, { securityContext: { fsGroup } })
    expect([modeOf('empty'), modeOf('s'), modeOf('s/..data'), modeOf('s/PASSWORD'), modeOf('p/token')]).toEqual([
      '2777',
      '2777',
      '2755',
      '440',
      '640',
    ])
    expect(statSync(at('s/PASSWORD')).gid).toBe(fsGroup)
  })
})

/** Paths that no file of a volume can have, and why. */
const HOSTILE = [
  ['../x', "invalid path: must not contain '..': ../x"],
  ['a/../../x', "invalid path: must not contain '..': a/../../x"],
  ['..', "invalid path: must not contain '..': .."],
  ['/x', 'invalid path: must be relative path: /x'],
  ['..data', "invalid path: must not start with '..': ..data"],
  ['./..data', "invalid path: must not start with '..': ./..data"],
  ['...', "invalid path: must not start with '..': ..."],
  ['..2030_01_01/x', "invalid path: must not start with '..': ..2030_01_01/x"],
  ['', 'invalid path: must not be empty: ""'],
  ['.', 'invalid path: must name a file: .'],
  ['a\0b', 'invalid path: must not contain NUL'],
  ['a'.repeat(256), 'invalid path: filenames must be less than or equal to 255 characters'],
  ['é'.repeat(128), 'invalid path: filenames must be less than or equal to 255 characters'],
] as const
const BUILDERS: readonly (readonly [string, (path: string) => Volume])[] = [
  ['configMap', (path) => ({ name: 'v', configMap: { name: 'cm', items: [{ key: 'level', path }] } })],
  ['secret', (path) => ({ name: 'v', secret: { secretName: 's', items: [{ key: 'PASSWORD', path }] } })],
  [
    'downwardAPI',
    (path) => ({ name: 'v', downwardAPI: { items: [{ path, fieldRef: { fieldPath: 'metadata.name' } }] } }),
  ],
  ...[
    { name: 'configMap', source: (path: string) => ({ configMap: { name: 'cm', items: [{ key: 'level', path }] } }) },
    { name: 'secret', source: (path: string) => ({ secret: { name: 's', items: [{ key: 'PASSWORD', path }] } }) },
    {
      name: 'downwardAPI',
      source: (path: string) => ({ downwardAPI: { items: [{ path, fieldRef: { fieldPath: 'metadata.name' } }] } }),
    },
    { name: 'serviceAccountToken', source: (path: string) => ({ serviceAccountToken: { path } }) },
  ].map(
    ({ name, source }) =>
      [`projected ${name}`, (path: string): Volume => ({ name: 'v', projected: { sources: [source(path)] } })] as const,
  ),
]

describe('paths of a volume', () => {
  it.each(BUILDERS)('%s: none leads out, and each says why', async (_, volume) => {
    for (const [path, why] of HOSTILE) {
      expect(await said([volume(path)])).toEqual([`MountVolume.SetUp failed for volume "v" : ${why}`])
      expect(readdirSync(top)).toEqual(['pod'])
      expect(readdirSync(at('v'))).toEqual([])
    }
  })

  it.each(BUILDERS)('%s: names of 255 bytes, in any script, and odd ones are names', async (_, volume) => {
    for (const path of ['a'.repeat(255), 'é'.repeat(127), '한글/日本', 'a b\n"', 'x..', 'a/./b//c']) {
      expect(await said([volume(path)])).toEqual([])
      expect(existsSync(at(`v/${path}`))).toBe(true)
    }
  })

  it('a link in place of the volume is not followed', async () => {
    mkdirSync(`${top}/elsewhere`)
    mkdirSync(at(''), { recursive: true })
    symlinkSync(`${top}/elsewhere`, at('v'))
    expect(await said([{ name: 'v', configMap: { name: 'cm' } }])).toHaveLength(1)
    expect(readdirSync(`${top}/elsewhere`)).toEqual([])
  })

  it('a link in place of a file is left alone, and so is where it leads', async () => {
    writeFileSync(`${top}/precious`, 'mine')
    mkdirSync(at('v'), { recursive: true })
    symlinkSync(`${top}/precious`, at('v/level'))
    expect(await said([{ name: 'v', configMap: { name: 'cm' } }])).toHaveLength(1)
    expect([readFileSync(`${top}/precious`, 'utf8'), lstatSync(at('v/level')).isSymbolicLink()]).toEqual(['mine', true])
  })
})

describe('volumes that cannot be made', () => {
  const setUpFailed = (why: string) => `MountVolume.SetUp failed for volume "v" : ${why}`

  it.each<[string, Volume, string]>([
    ['no config map', { name: 'v', configMap: { name: 'no' } }, setUpFailed('configmap "no" not found')],
    ['no secret', { name: 'v', secret: { secretName: 'no' } }, setUpFailed('secret "no" not found')],
    [
      'no key',
      { name: 'v', configMap: { name: 'cm', items: [{ key: 'no', path: 'x' }] } },
      setUpFailed('configmap references non-existent config key: no'),
    ],
    [
      'two missing sources',
      { name: 'v', projected: { sources: [{ configMap: { name: 'a' } }, { secret: { name: 'b' } }] } },
      setUpFailed('[configmap "a" not found, secret "b" not found]'),
    ],
    [
      'huge pages',
      { name: 'v', emptyDir: { medium: 'HugePages-2Mi' } },
      setUpFailed('hugePages storage requested, but there is no resource request for huge pages'),
    ],
    [
      'a CSI driver',
      { name: 'v', csi: { driver: 'd.example.com' } },
      setUpFailed(
        'kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name d.example.com not found in the list of registered CSI drivers',
      ),
    ],
    [
      'a backstep',
      { name: 'v', hostPath: { path: '/a/../b' } },
      setUpFailed("invalid HostPath `/a/../b`: must not contain '..'"),
    ],
  ])('%s', async (_, volume, message) => {
    expect(await said([volume])).toEqual([message])
  })

  it.each<Volume>([
    { name: 'v', flexVolume: { driver: 'a/b' } },
    { name: 'v', photonPersistentDisk: { pdID: 'x' } },
    { name: 'v', persistentVolumeClaim: { claimName: 'x' } },
    { name: 'v', nfs: { server: 's', path: '/x' } },
    { name: 'v', ephemeral: {} },
    { name: 'v', image: { reference: 'x' } },
  ])('a type without a plugin is no empty folder: %o', async (volume) => {
    expect(await said([{ name: 'a', emptyDir: {} }, volume])).toEqual([
      'Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: failed to get Plugin from volumeSpec for volume "v" err=no volume plugin matched',
    ])
    expect(existsSync(at('v'))).toBe(false)
  })

  it('[VO1] are tried again after 0.5 s, 1 s, ... at most 122 s, and given up aloud each 123 s', async () => {
    const volumes = volumesOf()
    const pod = podWith([{ name: 'v', secret: { secretName: 'later' } }])
    const waits: number[] = []
    const messages = new Set<string>()
    for (let i = 0; i < 10; i++) {
      const failure = await volumes.setUp(pod, FACTS)
      for (const message of failure?.messages ?? []) messages.add(message)
      waits.push(failure?.retryMs ?? 0)
      await clock.advance(failure?.retryMs ?? 0)
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 122_000, 122_000])
    expect([...messages]).toEqual([
      setUpFailed('secret "later" not found'),
      'Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[]: context deadline exceeded',
    ])
    sources.addSecret('later', { x: '1' })
    expect(await volumes.setUp(pod, FACTS)).toBeUndefined()
  })

  it('hold up nobody when no container mounts them', async () => {
    const pod = podWith([{ name: 'v', secret: { secretName: 'no' } }], { containers: [{ name: 'app' }] })
    expect(await volumesOf().setUp(pod, FACTS)).toBeUndefined()
  })
})

describe('hostPath', () => {
  const setUp = (name: string, type: string) => said([{ name: 'v', hostPath: { path: `${top}/${name}`, type } }])
  const wrong = (name: string, what: string) => [
    `MountVolume.SetUp failed for volume "v" : hostPath type check failed: ${top}/${name} is not a ${what}`,
  ]

  it.each([
    ['Directory', 'directory'],
    ['File', 'file'],
    ['Socket', 'socket file'],
    ['CharDevice', 'character device'],
    ['BlockDevice', 'block device'],
  ])('%s must be there', async (type, what) => {
    expect(await setUp('absent', type)).toEqual(wrong('absent', what))
    if (type !== 'Directory') expect(await setUp('', type)).toEqual(wrong('', what))
    expect(existsSync(`${top}/absent`)).toBe(false)
  })

  it('[VO9] makes what is to be made, and no more', async () => {
    expect(await setUp('a/b', 'DirectoryOrCreate')).toEqual([])
    expect(statSync(`${top}/a/b`).isDirectory()).toBe(true)
    expect(await setUp('a/f', 'FileOrCreate')).toEqual([])
    expect(statSync(`${top}/a/f`).isFile()).toBe(true)
    expect(await setUp('a/f', 'DirectoryOrCreate')).toEqual(wrong('a/f', 'directory'))
    expect(await setUp('a/b', 'FileOrCreate')).toEqual(wrong('a/b', 'file'))
    expect(await setUp('no/f', 'FileOrCreate')).toEqual([
      `MountVolume.SetUp failed for volume "v" : open ${top}/no/f: no such file or directory`,
    ])
    expect(await setUp('plain', '')).toEqual([])
    expect(existsSync(`${top}/plain`)).toBe(false)
  })

  it('that leads into a folder of ebb’s own is refused, by whatever way, when it is set up and when it is mounted', async () => {
    mkdirSync(`${top}/data/pki`, { recursive: true })
    symlinkSync(`${top}/data`, `${top}/link`)
    const files = machineFiles((id) => id, [`${top}/data`])
    const refused = "hostPath leads into ebb's own folders, which no pod may see"
    for (const path of ['data', 'data/', 'data/pki', 'link', 'link/pki', 'elsewhere/../data']) {
      mkdirSync(`${top}/elsewhere`, { recursive: true })
      await expect(files.hostPath(`${top}/${path}`, 'Directory')).rejects.toThrow(refused)
      await expect(files.hostSource(`${top}/${path}`)).rejects.toThrow(refused)
    }
    // Nor is anything made there.
    symlinkSync(`${top}/link/new`, `${top}/dangling`)
    for (const path of ['data/new', 'link/new/deep', 'dangling']) {
      for (const type of ['DirectoryOrCreate', 'FileOrCreate', ''])
        await expect(files.hostPath(`${top}/${path}`, type)).rejects.toThrow(refused)
      await expect(files.hostSource(`${top}/${path}`)).rejects.toThrow(refused)
    }
    expect(readdirSync(`${top}/data`)).toEqual(['pki'])
    const inside = { volume: top, path: 'data/pki', target: undefined, isHost: true }
    await expect(files.subPath(inside)).rejects.toThrow(refused)
    expect(await files.hostSource(`${top}/elsewhere`)).toEqual({ hostPath: `${top}/elsewhere` })
  })

  it('that is relative is one from the root, not from where ebb was started', async () => {
    const path = `${top.slice(1)}/relative`
    expect(await said([{ name: 'v', hostPath: { path, type: 'DirectoryOrCreate' } }])).toEqual([])
    expect(readdirSync(top)).toContain('relative')
    expect(existsSync(path)).toBe(false)
  })

  it('without a type is made when it is mounted', async () => {
    const pod = podWith([{ name: 'v', hostPath: { path: `${top}/plain/deep` } }])
    const [container] = pod.spec.containers
    if (!container) throw new Error('no container')
    expect(await volumesOf().mounts(pod, container, new Map())).toEqual([
      { hostPath: `${top}/plain/deep`, containerPath: '/v', readOnly: false },
    ])
    expect(statSync(`${top}/plain/deep`).isDirectory()).toBe(true)
  })
})

describe('the end of a pod', () => {
  it('waits for what is being written, removes all, and says nothing of what was not finished', async () => {
    const pod = podWith([
      { name: 'c', configMap: { name: 'cm' } },
      { name: 's', secret: { secretName: 'no' } },
    ])
    const ends = Array.from({ length: 20 }, (_, i) => {
      const own = `${top}/pod-${i}`
      const volumes = new PodVolumes(
        { own, mounts: undefined },
        { files: machineFiles((id) => id), sources, clock, failed: () => {} },
      )
      const made = volumes.setUp(pod, FACTS)
      return Promise.all([made, volumes.tearDown(), volumes.setUp(pod, FACTS)])
    })
    for (const [first, , second] of await Promise.all(ends)) expect([first, second]).toEqual([undefined, undefined])
    expect(readdirSync(top)).toEqual([])
  })
})

describe('last words', () => {
  it('are the end of a log', async () => {
    const log = '2026-01-02T03:04:05.000000001Z stderr F it broke\n2026-01-02T03:04:06.0Z stderr F badly\n'
    mkdirSync(`${top}/pod/logs/app`, { recursive: true })
    writeFileSync(`${top}/pod/logs/app/0.log`, log)
    expect(await volumesOf().lastLines('app/0.log')).toBe('it broke\nbadly\n')
  })
})
