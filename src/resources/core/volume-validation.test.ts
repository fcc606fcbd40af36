/** Paths that a pod may name, in every place that takes one; types of volumes, those included that no node here serves. */
import { describe, expect, it } from 'vitest'
import type { FieldError } from '../../api/field-error.ts'
import type { StatefulSet } from '../../api/types/apps-v1.gen.ts'
import type { Pod, Volume, VolumeMount } from '../../api/types/core-v1.gen.ts'
import { statefulSet } from '../apps/stateful-set.ts'
import type { Context } from '../declaration.ts'
import { defaultPod, dropGatedFields } from './pod-defaults.ts'
import { podCreateErrors } from './pod-validation.ts'

const text = (errors: readonly FieldError[]) => errors.map(({ field, message }) => `${field}: ${message}`)

function errorsOf(volumes: readonly Volume[], volumeMounts: readonly VolumeMount[] = []): string[] {
  const pod = {
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i', volumeMounts: [...volumeMounts] }], volumes: [...volumes] },
  }
  const draft = structuredClone(pod) as Parameters<typeof defaultPod>[0]
  defaultPod(draft)
  return text(podCreateErrors(draft as Pod))
}

const v = 'spec.volumes[0]'
const downward = (path: string) => ({ items: [{ path, fieldRef: { fieldPath: 'metadata.name' } }] })
const keyed = (path: string) => ({ name: 'x', items: [{ key: 'k', path }] })

/** Each place that takes a path inside of a volume, and where messages say it is. */
const PLACES: readonly (readonly [string, (path: string) => Omit<Volume, 'name'>])[] = [
  ['configMap.items[0].path', (path) => ({ configMap: keyed(path) })],
  ['secret.items[0].path', (path) => ({ secret: { secretName: 'x', items: [{ key: 'k', path }] } })],
  ['downwardAPI.path', (path) => ({ downwardAPI: downward(path) })],
  [
    'projected.sources[0].configMap.items[0].path',
    (path) => ({ projected: { sources: [{ configMap: keyed(path) }] } }),
  ],
  ['projected.sources[0].secret.items[0].path', (path) => ({ projected: { sources: [{ secret: keyed(path) }] } })],
  ['projected.sources[0].downwardAPI.path', (path) => ({ projected: { sources: [{ downwardAPI: downward(path) }] } })],
  ['projected.path', (path) => ({ projected: { sources: [{ serviceAccountToken: { path } }] } })],
]

describe('paths inside of a volume', () => {
  it.each(PLACES)('%s stays inside', (place, volume) => {
    const at = `${v}.${place}`
    const said = (path: string) => errorsOf([{ name: 'v', ...volume(path) }])
    const shown = (path: string) => `${at}: Invalid value: ${JSON.stringify(path)}`
    expect(said('../../srv/precious.txt')).toEqual([`${shown('../../srv/precious.txt')}: must not contain '..'`])
    expect(said('a/../b')).toEqual([`${shown('a/../b')}: must not contain '..'`])
    expect(said('a/..')).toEqual([`${shown('a/..')}: must not contain '..'`])
    expect(said('..')).toEqual([`${shown('..')}: must not contain '..'`, `${shown('..')}: must not start with '..'`])
    expect(said('/etc/passwd')).toEqual([`${shown('/etc/passwd')}: must be a relative path`])
    expect(said('..data')).toEqual([`${shown('..data')}: must not start with '..'`])
    expect(said('')).toEqual([`${at}: Required value`])
    for (const path of ['a/b', '.hidden', 'x..', '한글', 'a'.repeat(300)]) expect(said(path)).toEqual([])
  })

  it.each(['subPath', 'subPathExpr'] as const)('%s stays inside', (key) => {
    const said = (path: string) =>
      errorsOf([{ name: 'v', emptyDir: {} }], [{ name: 'v', mountPath: '/v', [key]: path }])
    const at = `spec.containers[0].volumeMounts.${key}`
    expect(said('../a')).toEqual([`${at}: Invalid value: "../a": must not contain '..'`])
    expect(said('/a')).toEqual([`${at}: Invalid value: "/a": must be a relative path`])
    expect(said('a/$(NAME)/..b')).toEqual([])
  })

  it('two sources cannot have one path', () => {
    const sources = [{ configMap: keyed('a') }, { downwardAPI: downward('a') }]
    expect(errorsOf([{ name: 'v', projected: { sources } }])).toEqual([
      `${v}.projected: Invalid value: "a": conflicting duplicate paths`,
    ])
  })

  it('hostPath does not step back', () => {
    expect(errorsOf([{ name: 'v', hostPath: { path: '/srv/../etc' } }])).toEqual([
      `${v}.hostPath.path: Invalid value: "/srv/../etc": must not contain '..'`,
    ])
  })
})

describe('types of volumes', () => {
  it.each<Omit<Volume, 'name'>>([
    { flexVolume: { driver: 'a/b' } },
    { photonPersistentDisk: { pdID: 'x' } },
    { scaleIO: { gateway: 'g', system: 's', secretRef: { name: 'x' }, volumeName: 'v' } },
    { storageos: { volumeName: 'v' } },
    { quobyte: { registry: 'h:1', volume: 'v' } },
    { rbd: { monitors: ['m'], image: 'i' } },
    { nfs: { server: 's', path: '/x' } },
    { azureDisk: { diskName: 'd', diskURI: 'https://x' } },
  ])('are kept also when no node serves them: %o', (volume) => {
    expect(errorsOf([{ name: 'v', ...volume }])).toEqual([])
  })

  it.each<[Omit<Volume, 'name'>, string[]]>([
    [{ flexVolume: {} as never }, [`${v}.flexVolume.driver: Required value`]],
    [{ fc: { lun: 1 } }, [`${v}.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both`]],
    [
      { iscsi: { targetPortal: 'h', iqn: 'x', lun: 300 } },
      [
        `${v}.iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa`,
        `${v}.iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive`,
      ],
    ],
    [
      { flexVolume: { driver: 'a/b' }, scaleIO: {} as never },
      [`${v}.scaleIO: Forbidden: may not specify more than 1 volume type`],
    ],
  ])('%o', (volume, expected) => {
    expect(errorsOf([{ name: 'v', ...volume }])).toEqual(expected)
  })

  it('what is wrong cannot be mounted', () => {
    expect(errorsOf([{ name: 'v', secret: {} }], [{ name: 'v', mountPath: '/v' }])).toEqual([
      `${v}.secret.secretName: Required value`,
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ])
  })

  it('sources behind gates that are off are dropped, with their paths', () => {
    const sources = [
      { clusterTrustBundle: { name: 'x', path: '../x' } },
      { podCertificate: { signerName: 'x', keyType: 'ED25519', keyPath: '../x' } },
    ]
    const spec = { containers: [], volumes: [{ name: 'v', projected: { sources } }] }
    dropGatedFields(spec as never)
    expect(spec.volumes[0]?.projected.sources).toEqual([{}, {}])
  })
})

describe('a StatefulSet', () => {
  const of = (mount: string, claims: readonly string[]) => {
    const set = {
      metadata: { name: 's', namespace: 'default' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: {
          metadata: { labels: { a: 'b' } },
          spec: { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: mount, mountPath: '/d' }] }] },
        },
        volumeClaimTemplates: claims.map((name) => ({
          metadata: { name },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        })),
      },
    } as unknown as StatefulSet
    statefulSet.default?.(set as never)
    return text(statefulSet.strategy.validate?.(set, undefined, {} as Context) ?? [])
  }

  it('mounts what its claims will be', () => {
    expect(of('data', ['data', 'more'])).toEqual([])
    expect(of('other', ['data'])).toEqual(['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "other"'])
  })
})
