/** Rules of volume types that stand in a pod for other systems to serve: they are kept, and no node of ebb mounts them. */
import { type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import { labelNameErrors } from '../../api/names.ts'
import type { AzureDiskVolumeSource, FCVolumeSource, ISCSIVolumeSource, Volume } from '../../api/types/core-v1.gen.ts'
import { descendingErrors } from './path-validation.ts'

const PARTITION_MAX = 255
const LUN_MAX = 255
const TENANT_LENGTH_MAX = 64
const CACHING_MODES = ['None', 'ReadOnly', 'ReadWrite']
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared']
const MANAGED_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}'
const BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd'
const INITIATOR = 'must be valid format starting with iqn, eui, or naa'

/** What a type needs whatever its values: `name` of its field in messages, when it is another, and fields that must say something. */
const REQUIRED: Readonly<
  Partial<Record<keyof Volume, { readonly name?: string; readonly fields: readonly string[] }>>
> = {
  awsElasticBlockStore: { fields: ['volumeID'] },
  azureDisk: { fields: ['diskName', 'diskURI'] },
  azureFile: { fields: ['secretName', 'shareName'] },
  cephfs: { fields: ['monitors'] },
  cinder: { fields: ['volumeID'] },
  flexVolume: { fields: ['driver'] },
  gcePersistentDisk: { name: 'persistentDisk', fields: ['pdName'] },
  gitRepo: { fields: ['repository'] },
  glusterfs: { fields: ['endpoints', 'path'] },
  iscsi: { fields: ['targetPortal', 'iqn'] },
  nfs: { fields: ['server', 'path'] },
  photonPersistentDisk: { fields: ['pdID'] },
  portworxVolume: { fields: ['volumeID'] },
  quobyte: { fields: ['volume'] },
  rbd: { fields: ['monitors', 'image'] },
  scaleIO: { fields: ['gateway', 'system', 'volumeName'] },
  storageos: { fields: ['volumeName'] },
  vsphereVolume: { fields: ['volumePath'] },
}

/** `field` is the volume's own path. */
export function storedVolumeErrors(volume: Volume, type: keyof Volume, field: string, errors: FieldError[]): void {
  const { name = type, fields = [] } = REQUIRED[type] ?? {}
  const at = `${field}.${name}`
  const source = volume[type] as unknown as Readonly<Record<string, string | readonly string[] | undefined>>
  for (const key of fields) if (!source[key]?.length) errors.push(required(`${at}.${key}`))
  rules[type]?.(volume, at, errors)
}

type Rule = (volume: Volume, field: string, errors: FieldError[]) => void

const rules: Partial<Record<keyof Volume, Rule>> = {
  awsElasticBlockStore: ({ awsElasticBlockStore: disk }, field, errors) =>
    partitionErrors(disk?.partition, `${field}.partition`, errors),
  gcePersistentDisk: ({ gcePersistentDisk: disk }, field, errors) =>
    partitionErrors(disk?.partition, `${field}.partition`, errors),
  gitRepo({ gitRepo }, field, errors) {
    if (gitRepo?.directory) descendingErrors(gitRepo.directory, `${field}.directory`, errors)
  },
  nfs({ nfs }, field, errors) {
    const path = nfs?.path ?? ''
    if (!path.startsWith('/')) errors.push(invalid(`${field}.path`, path, 'must be an absolute path'))
  },
  iscsi: ({ iscsi }, field, errors) => iscsi && iscsiErrors(iscsi, field, errors),
  fc: ({ fc }, field, errors) => fc && fibreErrors(fc, field, errors),
  azureDisk: ({ azureDisk }, field, errors) => azureDisk && azureDiskErrors(azureDisk, field, errors),
  cinder({ cinder }, field, errors) {
    if (cinder?.secretRef && !cinder.secretRef.name) errors.push(required(`${field}.secretRef.name`))
  },
  flocker({ flocker }, field, errors) {
    const { datasetName, datasetUUID } = flocker ?? {}
    if (!datasetName && !datasetUUID) errors.push(required(field, 'one of datasetName and datasetUUID is required'))
    if (datasetName && datasetUUID)
      errors.push(invalid(field, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'))
    if (datasetName?.includes('/')) errors.push(invalid(`${field}.datasetName`, datasetName, "must not contain '/'"))
  },
  quobyte({ quobyte }, field, errors) {
    const { registry = '', tenant = '' } = quobyte ?? {}
    const why = 'must be a host:port pair or multiple pairs separated by commas'
    if (!registry) errors.push(required(`${field}.registry`, why))
    else if (tenant.length > TENANT_LENGTH_MAX)
      errors.push(required(`${field}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'))
    else
      for (const pair of registry.split(','))
        if (!/^([^:[\]]*|\[[^[\]]*\]):[^:]*$/.test(pair)) errors.push(invalid(`${field}.registry`, registry, why))
  },
  storageos({ storageos }, field, errors) {
    const { volumeName, volumeNamespace, secretRef } = storageos ?? {}
    for (const [key, name] of Object.entries({ volumeName, volumeNamespace }))
      if (name) for (const why of labelNameErrors(name)) errors.push(invalid(`${field}.${key}`, name, why))
    if (secretRef && !secretRef.name) errors.push(required(`${field}.secretRef.name`))
  },
}

const between = (min: number, max: number): string => `must be between ${min} and ${max}, inclusive`

function partitionErrors(partition: number | undefined, field: string, errors: FieldError[]): void {
  if (partition !== undefined && (partition < 0 || partition > PARTITION_MAX))
    errors.push(invalid(field, partition, between(1, PARTITION_MAX)))
}

function lunErrors(lun: number, field: string, errors: FieldError[]): void {
  if (lun < 0 || lun > LUN_MAX) errors.push(invalid(field, lun, between(0, LUN_MAX)))
}

function iscsiErrors(iscsi: ISCSIVolumeSource, field: string, errors: FieldError[]): void {
  const { iqn, lun = 0, initiatorName, secretRef } = iscsi
  if (iqn) qualifierErrors(iqn, `${field}.iqn`, errors)
  lunErrors(lun, `${field}.lun`, errors)
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !secretRef) errors.push(required(`${field}.secretRef`))
  if (initiatorName !== undefined) qualifierErrors(initiatorName, `${field}.initiatorname`, errors)
}

/** The three forms of iSCSI names. */
function qualifierErrors(name: string, field: string, errors: FieldError[]): void {
  if (!/^(iqn|eui|naa)/.test(name)) return void errors.push(invalid(field, name, INITIATOR))
  const forms = [/iqn\.\d{4}-\d{2}\.[A-Za-z0-9\-.]+(:[^,;*&$|\s]+)$/, /^eui.[A-Za-z0-9]{16}$/, /^naa.[A-Za-z0-9]{32}$/]
  const form = forms[['iqn', 'eui', 'naa'].indexOf(name.slice(0, 3))] as RegExp
  if (!form.test(name)) errors.push(invalid(field, name, 'must be valid format'))
}

function fibreErrors({ targetWWNs = [], wwids = [], lun }: FCVolumeSource, field: string, errors: FieldError[]): void {
  const at = `${field}.targetWWNs`
  if (targetWWNs.length === 0 && wwids.length === 0)
    errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'))
  if (targetWWNs.length > 0 && wwids.length > 0)
    errors.push(invalid(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'))
  if (targetWWNs.length === 0) return
  if (lun === undefined) errors.push(required(`${field}.lun`, 'lun is required if targetWWNs is specified'))
  else lunErrors(lun, `${field}.lun`, errors)
}

function azureDiskErrors(disk: AzureDiskVolumeSource, field: string, errors: FieldError[]): void {
  const { cachingMode, kind, diskURI = '' } = disk
  if (cachingMode !== undefined && !CACHING_MODES.includes(cachingMode))
    errors.push(notSupported(`${field}.cachingMode`, cachingMode, CACHING_MODES))
  if (kind !== undefined && !DISK_KINDS.includes(kind)) errors.push(notSupported(`${field}.kind`, kind, DISK_KINDS))
  const [start, form] = kind === 'Managed' ? ['/subscriptions/', MANAGED_URI] : ['https://', BLOB_URI]
  if (kind !== undefined && !diskURI.startsWith(start)) errors.push(notSupported(`${field}.diskURI`, diskURI, [form]))
}
