/** Kinds that are kept and shown while nothing acts on them: whoever makes one is told so, once. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

function send(method: string, path: string, object: object) {
  return api.server.handle({
    method,
    path,
    query: new URLSearchParams(),
    headers: {},
    user: { name: 'admin', groups: ['system:masters'] },
    body: async () => ({ object }),
    signal: new AbortController().signal,
  })
}

it.each<[string, string, object, RegExp]>([
  ['/apis/node.k8s.io/v1/runtimeclasses', 'c', { handler: 'kata' }, /"kata\\" makes no difference/],
  [
    '/apis/storage.k8s.io/v1/volumeattributesclasses',
    'c',
    { driverName: 'd.example.com', parameters: { a: 'b' } },
    /nothing reads a VolumeAttributesClass/,
  ],
  [
    '/apis/networking.k8s.io/v1/ipaddresses',
    '192.168.7.7',
    { spec: { parentRef: { resource: 'services', namespace: 'default', name: 's' } } },
    /nothing reads this one/,
  ],
  [
    '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas',
    'f',
    { spec: { priorityLevelConfiguration: { name: 'p' } } },
    /nothing reads this object/,
  ],
  [
    '/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations',
    'p',
    { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } },
    /nothing reads this object/,
  ],
  ['/apis/storage.k8s.io/v1/csidrivers', 'd.example.com', { spec: {} }, /nothing reads a CSIDriver/],
  ['/apis/storage.k8s.io/v1/csinodes', 'node-1', { spec: { drivers: [] } }, /nothing reads a CSINode/],
  [
    '/apis/storage.k8s.io/v1/volumeattachments',
    'a',
    { spec: { attacher: 'd.example.com', nodeName: 'node-1', source: { persistentVolumeName: 'v' } } },
    /nothing reads a VolumeAttachment/,
  ],
  ['/apis/resource.k8s.io/v1/deviceclasses', 'gpu', { spec: {} }, /nothing reads a DeviceClass/],
  [
    '/apis/resource.k8s.io/v1/resourceslices',
    's',
    {
      spec: { driver: 'd.example.com', nodeName: 'node-1', pool: { name: 'p', generation: 1, resourceSliceCount: 1 } },
    },
    /nothing reads a ResourceSlice/,
  ],
  ['/apis/networking.k8s.io/v1/servicecidrs', 'c', { spec: { cidrs: ['192.168.7.0/24'] } }, /from 10\.96\.0\.0\/16/],
])('%s are stored with a warning', async (path, name, object, warning) => {
  const made = await send('POST', path, { metadata: { name }, ...object })
  expect([made.status, String(made.headers.warning)]).toEqual([201, expect.stringMatching(warning)])
  const again = await send('PUT', `${path}/${name}`, { metadata: { name, labels: { a: 'b' } }, ...object })
  expect([again.status, again.headers.warning]).toEqual([200, undefined])
})

it.each([
  ['apiextensions.k8s.io', 'customresourcedefinitions', 'ebb does not serve custom resources yet'],
  ['apiregistration.k8s.io', 'apiservices', 'ebb passes nothing on to API servers of others yet'],
  ...['validatingwebhookconfigurations', 'mutatingwebhookconfigurations', 'validatingadmissionpolicies'].map(
    (plural) => ['admissionregistration.k8s.io', plural, 'ebb calls no webhooks and obeys no admission policies yet'],
  ),
])('%s: %s are listed as none, and refused with the reason', async (group, plural, why) => {
  const path = `/apis/${group}/v1/${plural}`
  expect(await send('POST', path, { metadata: { name: 'a.example.com' } })).toMatchObject({
    status: 403,
    body: { object: { message: `${plural}.${group} "a.example.com" is forbidden: ${why}` } },
  })
  expect(await api.client.call('GET', path)).toMatchObject({ kind: expect.stringMatching(/List$/), items: [] })
})
