import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

interface Loose {
  metadata: Record<string, unknown>
  items: Loose[]
  [key: string]: unknown
}
const call = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
  api.client.call(method, path, body) as Promise<Loose>

const configMap = (name: string, data: Record<string, string> = { k: 'v' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
})

describe('one object', () => {
  it('is created, read, updated, listed and deleted', async () => {
    const created = await call('POST', '/api/v1/namespaces/default/configmaps', configMap('a'))
    expect(created.metadata).toMatchObject({ name: 'a', namespace: 'default' })
    expect(created.metadata['uid']).toMatch(/^[0-9a-f-]{36}$/)
    const path = '/api/v1/namespaces/default/configmaps/a'
    expect(await call('GET', path)).toEqual(created)
    const updated = await call('PUT', path, { ...created, data: { k: 'w' } })
    expect(updated['data']).toEqual({ k: 'w' })
    await expect(call('PUT', path, { ...created, data: { k: 'x' } })).rejects.toMatchObject({ code: 409 })
    const list = await call('GET', '/api/v1/configmaps')
    expect(list.items.map((item) => item.metadata['name'])).toEqual(['a'])
    expect(await call('DELETE', path)).toMatchObject({ kind: 'Status', status: 'Success' })
    await expect(call('GET', path)).rejects.toMatchObject({ code: 404, reason: 'NotFound' })
  })
})
