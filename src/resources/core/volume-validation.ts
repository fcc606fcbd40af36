/** Rules of a pod's volumes and of their mounts. */
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalid,
  notFoundField,
  notSupported,
  required,
} from '../../api/field-error.ts'
import { labelNameErrors } from '../../api/names.ts'
import type {
  Container,
  DownwardAPIVolumeFile,
  EphemeralContainer,
  KeyToPath,
  PodSpec,
  Volume,
  VolumeMount,
  VolumeProjection,
} from '../../api/types/core-v1.gen.ts'
import { fieldRefErrors, resourceRefErrors, VOLUME_PATHS } from './env-validation.ts'

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
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'flocker',
  'downwardAPI',
  'fc',
  'azureFile',
  'configMap',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'storageos',
  'portworxVolume',
  'scaleIO',
  'projected',
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
const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None']
const MODE_MAX = 0o777
const MODE_MESSAGE = 'must be a number between 0 and 0777 (octal), both inclusive'

/** Returns the volumes that containers may mount, by name. */
export function volumesErrors({ volumes }: PodSpec, field: string, errors: FieldError[]): ReadonlyMap<string, Volume> {
  const names = new Map<string, Volume>()
  if (!volumes) return names
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]!
    const at = `${field}[${i}]`
    sourceErrors(volume, at, errors)
    if (!volume.name) errors.push(required(`${at}.name`))
    else for (const m of labelNameErrors(volume.name)) errors.push(invalid(`${at}.name`, volume.name, m))
    if (names.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name))
    names.set(volume.name, volume)
  }
  return names
}

function sourceErrors(volume: Volume, field: string, errors: FieldError[]): void {
  let found = false
  for (const key of SOURCES) {
    if (volume[key] === undefined) continue
    if (found) errors.push(forbiddenField(`${field}.${key}`, 'may not specify more than 1 volume type'))
    else sourceRules[key]?.(volume, `${field}.${key}`, errors)
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
  nfs({ nfs }, field, errors) {
    if (!nfs?.server) errors.push(required(`${field}.server`))
    if (!nfs?.path) errors.push(required(`${field}.path`))
    else if (!nfs.path.startsWith('/')) errors.push(invalid(`${field}.path`, nfs.path, 'must be an absolute path'))
  },
  persistentVolumeClaim({ persistentVolumeClaim }, field, errors) {
    if (!persistentVolumeClaim?.claimName) errors.push(required(`${field}.claimName`))
  },
  downwardAPI({ downwardAPI }, field, errors) {
    modeErrors(downwardAPI?.defaultMode, `${field}.defaultMode`, errors)
    for (const [i, item] of (downwardAPI?.items ?? []).entries()) downwardErrors(item, `${field}.items[${i}]`, errors)
  },
  projected({ projected }, field, errors) {
    modeErrors(projected?.defaultMode, `${field}.defaultMode`, errors)
    for (const [i, source] of (projected?.sources ?? []).entries()) {
      projectionErrors(source, `${field}.sources[${i}]`, errors)
    }
  },
  csi({ csi }, field, errors) {
    if (!csi?.driver) errors.push(required(`${field}.driver`))
  },
  emptyDir({ emptyDir }, field, errors) {
    if (emptyDir?.sizeLimit?.startsWith('-')) {
      errors.push(forbiddenField(`${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'))
    }
  },
}

function projectionErrors(source: VolumeProjection, field: string, errors: FieldError[]): void {
  const { secret, configMap, downwardAPI, serviceAccountToken: token } = source
  const kinds = Object.keys(source).filter((key) => source[key as keyof VolumeProjection] !== undefined)
  if (kinds.length > 1) {
    errors.push(forbiddenField(`${field}.${kinds[1]}`, 'may not specify more than 1 volume type'))
  }
  if (secret) {
    if (!secret.name) errors.push(required(`${field}.secret.name`))
    itemsErrors(secret.items, `${field}.secret.items`, errors)
  }
  if (configMap) {
    if (!configMap.name) errors.push(required(`${field}.configMap.name`))
    itemsErrors(configMap.items, `${field}.configMap.items`, errors)
  }
  for (const [i, item] of (downwardAPI?.items ?? []).entries()) {
    downwardErrors(item, `${field}.downwardAPI.items[${i}]`, errors)
  }
  if (!token) return
  const seconds = token.expirationSeconds ?? 0
  if (seconds < 600) {
    const at = `${field}.serviceAccountToken.expirationSeconds`
    errors.push(invalid(at, seconds, 'may not specify a duration less than 10 minutes'))
  }
  if (!token.path) errors.push(required(`${field}.serviceAccountToken.path`))
}

function itemsErrors(items: readonly KeyToPath[] | undefined, field: string, errors: FieldError[]): void {
  for (const [i, item] of (items ?? []).entries()) {
    const at = `${field}[${i}]`
    if (!item.key) errors.push(required(`${at}.key`))
    if (!item.path) errors.push(required(`${at}.path`))
    else relativeErrors(item.path, `${at}.path`, errors)
    modeErrors(item.mode, `${at}.mode`, errors)
  }
}

function downwardErrors(item: DownwardAPIVolumeFile, field: string, errors: FieldError[]): void {
  if (!item.path) errors.push(required(`${field}.path`))
  else relativeErrors(item.path, `${field}.path`, errors)
  if (item.fieldRef) {
    fieldRefErrors(item.fieldRef, `${field}.fieldRef`, VOLUME_PATHS, errors)
    if (item.resourceFieldRef) {
      errors.push(invalid(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
    }
  } else if (item.resourceFieldRef) {
    if (!item.resourceFieldRef.containerName) errors.push(required(`${field}.resourceFieldRef.containerName`))
    resourceRefErrors(item.resourceFieldRef, `${field}.resourceFieldRef`, errors)
  } else errors.push(required(field, 'one of fieldRef and resourceFieldRef is required'))
  modeErrors(item.mode, `${field}.mode`, errors)
}

function modeErrors(mode: number | undefined, field: string, errors: FieldError[]): void {
  if (mode !== undefined && (mode < 0 || mode > MODE_MAX)) errors.push(invalid(field, mode, MODE_MESSAGE))
}

function backstepErrors(path: string, field: string, errors: FieldError[]): void {
  if (path.split('/').includes('..')) errors.push(invalid(field, path, "must not contain '..'"))
}

/** A path inside of the volume. */
function relativeErrors(path: string, field: string, errors: FieldError[]): void {
  if (path.startsWith('/')) errors.push(invalid(field, path, 'must be a relative path'))
  backstepErrors(path, field, errors)
  if (path.startsWith('..') && !path.startsWith('../')) errors.push(invalid(field, path, "must not start with '..'"))
}

/** `field` is the path of the mounts: some of the rules do not say which of them they mean. */
export function mountErrors(
  container: Container | EphemeralContainer,
  field: string,
  volumes: ReadonlyMap<string, Volume>,
  errors: FieldError[],
): void {
  const paths = new Set<string>()
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const { name = '', mountPath = '' } = mount
    const at = `${field}[${i}]`
    if (!name) errors.push(required(`${at}.name`))
    if (!volumes.has(name)) errors.push(notFoundField(`${at}.name`, name))
    if (!mountPath) errors.push(required(`${at}.mountPath`))
    if (paths.has(mountPath)) errors.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'))
    paths.add(mountPath)
    if (mount.subPath || mount.subPathExpr)
      subPathErrors(mount, { at, field, image: volumes.get(name)?.image !== undefined }, errors)
    if (mount.mountPropagation) {
      const privileged = container.securityContext?.privileged === true
      propagationErrors(mount.mountPropagation, `${field}.mountPropagation`, privileged, errors)
    }
  }
}

function subPathErrors(
  { subPath, subPathExpr }: VolumeMount,
  { at, field, image }: { at: string; field: string; image: boolean },
  errors: FieldError[],
): void {
  for (const [key, path] of Object.entries({ subPath, subPathExpr })) {
    if (path && image) errors.push(invalid(`${at}.${key}`, path, 'not allowed in image volume sources'))
  }
  if (subPath) descendingErrors(subPath, `${field}.subPath`, errors)
  if (!subPathExpr) return
  if (subPath) errors.push(invalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'))
  descendingErrors(subPathExpr, `${field}.subPathExpr`, errors)
}

function propagationErrors(propagation: string, field: string, privileged: boolean, errors: FieldError[]): void {
  if (!PROPAGATIONS.includes(propagation)) errors.push(notSupported(field, propagation, PROPAGATIONS))
  if (propagation === 'Bidirectional' && !privileged) {
    errors.push(forbiddenField(field, 'Bidirectional mount propagation is available only to privileged containers'))
  }
}

function descendingErrors(path: string, field: string, errors: FieldError[]): void {
  if (path.startsWith('/')) errors.push(invalid(field, path, 'must be a relative path'))
  backstepErrors(path, field, errors)
}
