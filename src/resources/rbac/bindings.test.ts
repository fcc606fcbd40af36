/** Bindings that leave the namespace of a service account out: whose it is, and what that allows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiError } from '../../api/status.ts'
import { systemClock } from '../../base/clock.node.ts'
import { SeededRandom } from '../../base/random.ts'
import { startTestApi, type TestApi } from '../../sim/test-api.ts'

const GROUP = '/apis/rbac.authorization.k8s.io/v1'
let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

const account = (namespace: string) =>
  api.clientOf(`system:serviceaccount:${namespace}:s`, ['system:serviceaccounts', 'system:authenticated'])

const binding = (kind: 'RoleBinding' | 'ClusterRoleBinding', subject: object, name = 'b') => ({
  kind,
  metadata: { name },
  roleRef: { kind: 'ClusterRole', name: 'reader' },
  subjects: [subject],
})

const reason = async (asked: Promise<unknown>): Promise<string> => {
  try {
    await asked
    return 'allowed'
  } catch (error) {
    return error instanceof ApiError ? (error.status.message ?? '') : String(error)
  }
}

describe('a service account without a namespace', () => {
  beforeEach(async () => {
    await api.client.call('POST', `${GROUP}/clusterroles`, {
      // Files in the wild often say a namespace of what has none: it counts for nothing.
      metadata: { name: 'reader', namespace: 'default' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }],
    })
  })

  it.each([{}, { namespace: '' }])('in a RoleBinding is that of its namespace (%j)', async (more) => {
    await api.client.call('POST', '/api/v1/namespaces', { metadata: { name: 'other' } })
    const subject = { kind: 'ServiceAccount', name: 's', ...more }
    const path = `${GROUP}/namespaces/default/rolebindings`
    const made = await api.client.call('POST', path, binding('RoleBinding', subject))
    expect(made).toMatchObject({ subjects: [{ kind: 'ServiceAccount', name: 's' }] })
    const list = (whose: string, where: string) =>
      reason(account(whose).call('GET', `/api/v1/namespaces/${where}/configmaps`))
    expect(await list('default', 'default')).toBe('allowed')
    for (const [whose, where] of [
      ['other', 'default'],
      ['default', 'other'],
      ['', 'default'],
    ] as const)
      expect(await list(whose, where)).toContain('cannot list resource "configmaps"')
  })

  it('in a ClusterRoleBinding is refused', async () => {
    const made = api.client.call('POST', `${GROUP}/clusterrolebindings`, {
      ...binding('ClusterRoleBinding', { kind: 'ServiceAccount', name: 's' }),
    })
    expect(await reason(made)).toBe(
      'ClusterRoleBinding.rbac.authorization.k8s.io "b" is invalid: subjects[0].namespace: Required value',
    )
  })
})

it.each(['POST', 'PUT', 'PATCH'] as const)('%s of what lives outside of namespaces is in none', async (method) => {
  const role = {
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'r', namespace: 'x' },
  }
  if (method !== 'POST') await api.client.call('POST', `${GROUP}/clusterroles`, { ...role, metadata: { name: 'r' } })
  const path = method === 'POST' ? `${GROUP}/clusterroles` : `${GROUP}/clusterroles/r`
  const headers = method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {}
  const made = (await api.client.call(method, path, role, headers)) as { metadata: object }
  expect(made.metadata).not.toHaveProperty('namespace')
})
