/** Rules of what a container mounts of its pod's volumes, as folders or as block devices. */
import {
  type FieldError,
  forbiddenField,
  invalid,
  notFoundField,
  notSupported,
  required,
} from '../../api/field-error.ts'
import type { Container, EphemeralContainer, Volume, VolumeMount } from '../../api/types/core-v1.gen.ts'
import { descendingErrors } from './path-validation.ts'

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None']
const RECURSIONS = ['Disabled', 'Enabled', 'IfPossible']

type Mounting = Container | EphemeralContainer

/** `field` is the path of the mounts: some of the rules do not say which of them they mean. */
export function mountErrors(
  container: Mounting,
  field: string,
  volumes: ReadonlyMap<string, Volume>,
  errors: FieldError[],
): void {
  const devices = container.volumeDevices ?? []
  const paths = new Set<string>()
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const { name = '', mountPath = '' } = mount
    const at = `${field}[${i}]`
    if (!name) errors.push(required(`${at}.name`))
    if (!volumes.has(name)) errors.push(notFoundField(`${at}.name`, name))
    if (!mountPath) errors.push(required(`${at}.mountPath`))
    if (paths.has(mountPath)) errors.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'))
    paths.add(mountPath)
    if (devices.some((device) => device.name === name))
      errors.push(invalid(`${at}.name`, name, 'must not already exist in volumeDevices'))
    if (devices.some((device) => device.devicePath === mountPath))
      errors.push(invalid(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'))
    if (mount.subPath || mount.subPathExpr)
      subPathErrors(mount, { at, field, image: volumes.get(name)?.image !== undefined }, errors)
    if (mount.mountPropagation) {
      const privileged = container.securityContext?.privileged === true
      propagationErrors(mount.mountPropagation, `${field}.mountPropagation`, privileged, errors)
    }
    recursionErrors(mount, `${field}.recursiveReadOnly`, errors)
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

function recursionErrors(mount: VolumeMount, field: string, errors: FieldError[]): void {
  const { recursiveReadOnly: recursion, readOnly, mountPropagation } = mount
  if (recursion === undefined || recursion === 'Disabled') return
  if (!RECURSIONS.includes(recursion)) return void errors.push(notSupported(field, recursion, RECURSIONS))
  if (!readOnly) errors.push(forbiddenField(field, 'may only be specified when readOnly is true'))
  if (mountPropagation !== undefined && mountPropagation !== 'None')
    errors.push(forbiddenField(field, 'may only be specified when mountPropagation is None or not specified'))
}

/** Block devices come from claims only, and a volume is one or the other. */
export function deviceErrors(
  container: Mounting,
  field: string,
  volumes: ReadonlyMap<string, Volume>,
  errors: FieldError[],
): void {
  const mounts = container.volumeMounts ?? []
  const seen = { names: new Set<string>(), paths: new Set<string>() }
  for (const [i, { name = '', devicePath = '' }] of (container.volumeDevices ?? []).entries()) {
    const at = `${field}[${i}]`
    const wrongName = (why: string) => errors.push(invalid(`${at}.name`, name, why))
    const wrongPath = (why: string) => errors.push(invalid(`${at}.devicePath`, devicePath, why))
    const volume = volumes.get(name)
    if (!name) errors.push(required(`${at}.name`))
    if (seen.names.has(name)) wrongName('must be unique')
    if (!volume) errors.push(notFoundField(`${at}.name`, name))
    else if (!volume.persistentVolumeClaim && !volume.ephemeral)
      wrongName('can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode')
    if (!devicePath) errors.push(required(`${at}.devicePath`))
    if (seen.paths.has(devicePath)) wrongPath('must be unique')
    if (devicePath.split('/').includes('..')) wrongPath("can not contain backsteps ('..')")
    else seen.paths.add(devicePath)
    if (mounts.some((mount) => mount.name === name)) wrongName('must not already exist in volumeMounts')
    if (mounts.some(({ mountPath }) => mountPath === devicePath))
      wrongPath('must not already exist as a path in volumeMounts')
    if (name) seen.names.add(name)
  }
}
