/** Rules of a pod's volumes. Types that no node here serves have a file of their own, and so has what containers mount. */
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../api/field-error.ts'
import { labelNameErrors, subdomainErrors } from '../../api/names.ts'
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  PersistentVolumeClaimTemplate,
  PodSpec,
  Volume,
  VolumeProjection,
} from '../../api/types/core-v1.gen.ts'
import { claimSpecErrors } from './claim-validation.ts'
import { fieldRefErrors, resourceRefErrors, VOLUME_PATHS } from './env-validation.ts'
import { annotationErrors, labelMapErrors } from './label-validation.ts'
import { backstepErrors, localPathErrors } from './path-validation.ts'
import { storedVolumeErrors } from './stored-volume-validation.ts'

/** In the order in which Kubernetes looks for them: the second one found is the one that is too many. */
const SOURCES = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
] as const

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
]
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never']
const DRIVER_LENGTH_MAX = 63
const TOKEN_SECONDS_MIN = 600
const TOKEN_SECONDS_MAX = 2 ** 32
const MODE_MAX = 0o777
const MODE_MESSAGE = 'must be a number between 0 and 0777 (octal), both inclusive'

/** Returns the volumes that containers may mount, by name: what is wrong is as if it were not there. */
export function volumesErrors(
  { volumes }: PodSpec,
  field: string,
  errors: FieldError[],
  owner: 'pod' | 'template',
): ReadonlyMap<string, Volume> {
  const names = new Map<string, Volume>()
  if (!volumes) return names
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]!
    const at = `${field}[${i}]`
    const before = errors.length
    sourceErrors(volume, at, errors)
    // A template may be without one: who makes pods of it may know.
    if (owner === 'pod' && volume.image && !volume.image.reference) errors.push(required(`${at}.image.reference`))
    if (!volume.name) errors.push(required(`${at}.name`))
    else for (const m of labelNameErrors(volume.name)) errors.push(invalid(`${at}.name`, volume.name, m))
    if (names.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name))
    if (errors.length === before) names.set(volume.name, volume)
  }
  return names
}

function sourceErrors(volume: Volume, field: string, errors: FieldError[]): void {
  let found = false
  for (const key of SOURCES) {
    if (volume[key] === undefined) continue
    const rule = sourceRules[key]
    if (found) errors.push(forbiddenField(`${field}.${key}`, 'may not specify more than 1 volume type'))
    else if (rule) rule(volume, `${field}.${key}`, errors)
    else storedVolumeErrors(volume, key, field, errors)
    found = true
  }
  if (!found) errors.push(required(field, 'must specify a volume type'))
}

type Rule = (volume: Volume, field: string, errors: FieldError[]) => void

const sourceRules: Partial<Record<(typeof SOURCES)[number], Rule>> = {
  hostPath({ hostPath }, field, errors) {
    if (!hostPath?.path) return void errors.push(required(`${field}.path`))
    backstepErrors(hostPath.path, `${field}.path`, errors)
    if (!HOST_PATH_TYPES.includes(hostPath.type ?? '')) {
      errors.push(notSupported(`${field}.type`, hostPath.type, HOST_PATH_TYPES))
    }
  },
  secret({ secret }, field, errors) {
    if (!secret?.secretName) errors.push(required(`${field}.secretName`))
    modeErrors(secret?.defaultMode, `${field}.defaultMode`, errors)
    itemsErrors(secret?.items, `${field}.items`, errors)
  },
  configMap({ configMap }, field, errors) {
    if (!configMap?.name) errors.push(required(`${field}.name`))
    modeErrors(configMap?.defaultMode, `${field}.defaultMode`, errors)
    itemsErrors(configMap?.items, `${field}.items`, errors)
  },
  persistentVolumeClaim({ persistentVolumeClaim }, field, errors) {
    if (!persistentVolumeClaim?.claimName) errors.push(required(`${field}.claimName`))
  },
  downwardAPI({ downwardAPI }, field, errors) {
    modeErrors(downwardAPI?.defaultMode, `${field}.defaultMode`, errors)
    for (const item of downwardAPI?.items ?? []) downwardErrors(item, field, errors)
  },
  projected({ projected }, field, errors) {
    modeErrors(projected?.defaultMode, `${field}.defaultMode`, errors)
    const paths = new Set<string>()
    for (const [i, source] of (projected?.sources ?? []).entries()) {
      projectionErrors(source, `${field}.sources[${i}]`, errors)
      if (source.serviceAccountToken) tokenPathErrors(source.serviceAccountToken.path, `${field}.path`, errors)
      for (const [path, shown] of projectedPaths(source)) {
        if (paths.has(path)) errors.push(invalid(field, shown, 'conflicting duplicate paths'))
        paths.add(path)
      }
    }
  },
  csi({ csi }, field, errors) {
    driverErrors(csi?.driver ?? '', `${field}.driver`, errors)
    const secret = csi?.nodePublishSecretRef
    if (secret && !secret.name) errors.push(required(`${field}.nodePublishSecretRef.name`))
  },
  emptyDir({ emptyDir }, field, errors) {
    if (emptyDir?.sizeLimit?.startsWith('-')) {
      errors.push(forbiddenField(`${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'))
    }
  },
  ephemeral({ ephemeral }, field, errors) {
    const at = `${field}.volumeClaimTemplate`
    if (!ephemeral?.volumeClaimTemplate) errors.push(required(at))
    else claimTemplateErrors(ephemeral.volumeClaimTemplate, at, errors)
  },
  image({ image }, field, errors) {
    const { pullPolicy } = image ?? {}
    if (pullPolicy !== undefined && !PULL_POLICIES.includes(pullPolicy))
      errors.push(notSupported(`${field}.pullPolicy`, pullPolicy, PULL_POLICIES))
  },
}

function projectionErrors(source: VolumeProjection, field: string, errors: FieldError[]): void {
  const { secret, configMap, downwardAPI, serviceAccountToken: token } = source
  const kinds = Object.values(source).filter((value) => value !== undefined)
  if (kinds.length > 1) errors.push(forbiddenField(field, 'may not specify more than 1 volume type'))
  if (secret) {
    if (!secret.name) errors.push(required(`${field}.secret.name`))
    itemsErrors(secret.items, `${field}.secret.items`, errors)
  }
  if (configMap) {
    if (!configMap.name) errors.push(required(`${field}.configMap.name`))
    itemsErrors(configMap.items, `${field}.configMap.items`, errors)
  }
  for (const item of downwardAPI?.items ?? []) downwardErrors(item, `${field}.downwardAPI`, errors)
  if (!token) return
  const at = `${field}.serviceAccountToken`
  const seconds = token.expirationSeconds ?? 0
  if (seconds < TOKEN_SECONDS_MIN)
    errors.push(invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'))
  if (seconds > TOKEN_SECONDS_MAX)
    errors.push(invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'))
}

/** `field` leaves out which source is meant, as Kubernetes does. */
function tokenPathErrors(path: string | undefined, field: string, errors: FieldError[]): void {
  if (!path) errors.push(required(field))
  else localPathErrors(path, field, errors)
}

/** Where the files of a source come to lie, each with what a message about it shows. A token's path is not among them. */
function projectedPaths({ secret, configMap, downwardAPI }: VolumeProjection): [string, string][] {
  const keyed = [secret, configMap].flatMap((from) =>
    (from?.items ?? []).map(({ path }): [string, string] => [path, from?.name ?? '']),
  )
  const own = (downwardAPI?.items ?? []).map(({ path }): [string, string] => [path, path])
  return [...keyed, ...own].filter(([path]) => path)
}

function itemsErrors(items: readonly KeyToPath[] | undefined, field: string, errors: FieldError[]): void {
  for (const [i, item] of (items ?? []).entries()) {
    const at = `${field}[${i}]`
    if (!item.key) errors.push(required(`${at}.key`))
    if (!item.path) errors.push(required(`${at}.path`))
    else localPathErrors(item.path, `${at}.path`, errors)
    modeErrors(item.mode, `${at}.mode`, errors)
  }
}

/** `field` is the list's owner: which item is meant is not said. */
function downwardErrors(item: DownwardAPIVolumeFile, field: string, errors: FieldError[]): void {
  if (!item.path) errors.push(required(`${field}.path`))
  else localPathErrors(item.path, `${field}.path`, errors)
  if (item.fieldRef) {
    fieldRefErrors(item.fieldRef, `${field}.fieldRef`, VOLUME_PATHS, errors)
    if (item.resourceFieldRef) {
      errors.push(invalid(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
    }
  } else if (item.resourceFieldRef) {
    const owner = item.resourceFieldRef.containerName ?? ''
    resourceRefErrors(item.resourceFieldRef, `${field}.resourceFieldRef`, errors, owner)
  } else errors.push(required(field, 'one of fieldRef and resourceFieldRef is required'))
  modeErrors(item.mode, `${field}.mode`, errors)
}

function modeErrors(mode: number | undefined, field: string, errors: FieldError[]): void {
  if (mode !== undefined && (mode < 0 || mode > MODE_MAX)) errors.push(invalid(field, mode, MODE_MESSAGE))
}

function driverErrors(driver: string, field: string, errors: FieldError[]): void {
  if (!driver) return void errors.push(required(field))
  if (driver.length > DRIVER_LENGTH_MAX) errors.push(tooLong(field, DRIVER_LENGTH_MAX))
  for (const why of subdomainErrors(driver.toLowerCase())) errors.push(invalid(field, driver, why))
}

/** Of a template's metadata only labels and annotations reach the claim. */
function claimTemplateErrors(
  { metadata = {}, spec }: PersistentVolumeClaimTemplate,
  field: string,
  errors: FieldError[],
): void {
  annotationErrors(metadata.annotations, `${field}.metadata.annotations`, errors)
  labelMapErrors(metadata.labels, `${field}.metadata.labels`, errors)
  for (const [key, value] of Object.entries(metadata)) {
    const isSet = value !== undefined && value !== '' && !(key === 'generation' && value === 0)
    if (key !== 'labels' && key !== 'annotations' && isSet)
      errors.push(forbiddenField(`${field}.metadata.${key}`, 'cannot be set'))
  }
  errors.push(...claimSpecErrors(spec ?? {}, `${field}.spec`))
}
