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
  ['/apis/networking.k8s.io/v1/servicecidrs', 'c', { spec: { cidrs: ['192.168.7.0/24'] } }, /from 10\.96\.0\.0\/16/],
])('%s are stored with a warning', async (path, name, object, warning) => {
  const made = await send('POST', path, { metadata: { name }, ...object })
  expect([made.status, String(made.headers.warning)]).toEqual([201, expect.stringMatching(warning)])
  const again = await send('PUT', `${path}/${name}`, { metadata: { name, labels: { a: 'b' } }, ...object })
  expect([again.status, again.headers.warning]).toEqual([200, undefined])
})

it('definitions of custom resources are listed as none, and refused with the reason', async () => {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const spec = { group: 'example.com', names: { plural: 'widgets', kind: 'Widget' }, scope: 'Namespaced', versions: [] }
  const made = send('POST', path, { metadata: { name: 'widgets.example.com' }, spec })
  await expect(made).resolves.toMatchObject({
    status: 403,
    body: {
      object: {
        message:
          'customresourcedefinitions.apiextensions.k8s.io "widgets.example.com" is forbidden: ebb does not serve custom resources yet',
      },
    },
  })
  expect(await api.client.call('GET', path)).toMatchObject({ kind: 'CustomResourceDefinitionList', items: [] })
})
