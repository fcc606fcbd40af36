/** DeviceClass resource.k8s.io/v1: devices that a claim may ask for. No driver offers any here. */
import type { DeviceClass } from '../../api/types/resource-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { since } from '../format.ts'

export const deviceClass: ResourceDeclaration<DeviceClass> = declare<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  namespaced: false,
  definition: 'io.k8s.api.resource.v1.DeviceClass',
  delete: { returnsObject: true },
  warn(_, old, { warn }) {
    if (!old) warn('ebb has no device drivers: nothing reads a DeviceClass')
  },
  row: ({ metadata }, now) => [metadata.name ?? '', since(metadata.creationTimestamp, now)],
})
