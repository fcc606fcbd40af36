/** What a node may do and what not, through authorizer and admission: each case is one that Kubernetes' own tests have. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { ADMIN, type Asker, core, RBAC, startAsker, user } from '../sim/asker.ts'
import { jwtSigner, newTokenKey } from './authn/jwt.node.ts'

let asker: Asker
const ask: Asker['ask'] = (...all) => asker.ask(...all)
const create: Asker['create'] = (...all) => asker.create(...all)

beforeAll(async () => {
  asker = await startAsker({
    clock: systemClock,
    random: new SeededRandom(1),
    server: { tokenSigner: jwtSigner(newTokenKey()) },
  })
})
afterAll(() => asker.api.close())

const node = (name: string) => user(`system:node:${name}`, 'system:nodes')

describe('nodes', () => {
  const uids: Record<string, string> = {}

  beforeAll(async () => {
    for (const name of ['n1', 'n2'])
      uids[name] = String((await create('/api/v1/nodes', core('Node', name))).object.metadata.uid)
    await create('/api/v1/namespaces', core('Namespace', 'app'))
    await create('/api/v1/namespaces/app/serviceaccounts', core('ServiceAccount', 'robot'))
    for (const name of ['mounted', 'pulled', 'wired', 'projected', 'init', 'other'])
      await create('/api/v1/namespaces/app/secrets', core('Secret', name))
    for (const name of ['mounted', 'other']) await create('/api/v1/namespaces/app/configmaps', core('ConfigMap', name))
    const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
    for (const name of ['claim', 'other'])
      await create(
        '/api/v1/namespaces/app/persistentvolumeclaims',
        core('PersistentVolumeClaim', name, { spec: claim }),
      )
    const volume = (name: string, claimName: string) => ({
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      claimRef: { kind: 'PersistentVolumeClaim', namespace: 'app', name: claimName },
      csi: { driver: 'd', volumeHandle: name, nodePublishSecretRef: { namespace: 'app', name: `of-${name}` } },
    })
    for (const [name, claimName] of [
      ['pv', 'claim'],
      ['pv2', 'other'],
    ] as const)
      await create('/api/v1/persistentvolumes', core('PersistentVolume', name, { spec: volume(name, claimName) }))
    await create('/api/v1/namespaces/app/pods', core('Pod', 'mine', { spec: spec('n1', 'robot') }))
    await create('/api/v1/namespaces/app/pods', core('Pod', 'theirs', { spec: spec('n2', undefined) }))
    await create(
      '/api/v1/namespaces/app/pods',
      core('Pod', 'plain', { spec: { ...spec('n1', undefined), volumes: [] } }),
    )
    for (const name of ['mine', 'theirs', 'plain'])
      uids[name] = String((await ask(ADMIN, `GET /api/v1/namespaces/app/pods/${name}`)).object.metadata.uid)
  })

  const spec = (nodeName: string, account: string | undefined) => ({
    nodeName,
    ...(account
      ? {
          serviceAccountName: account,
          imagePullSecrets: [{ name: 'pulled' }],
          initContainers: [{ name: 'i', image: 'x', envFrom: [{ secretRef: { name: 'init' } }] }],
          volumes: [
            { name: 's', secret: { secretName: 'mounted' } },
            { name: 'm', configMap: { name: 'mounted' } },
            { name: 'c', persistentVolumeClaim: { claimName: 'claim' } },
            {
              name: 'p',
              projected: {
                sources: [{ secret: { name: 'projected' } }, { serviceAccountToken: { path: 't', audience: 'vault' } }],
              },
            },
          ],
        }
      : {}),
    containers: [
      {
        name: 'c',
        image: 'x',
        ...(account ? { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'wired', key: 'k' } } }] } : {}),
      },
    ],
  })

  const APP = '/api/v1/namespaces/app'
  const LEASES = '/apis/coordination.k8s.io/v1/namespaces'

  it.each([
    [`GET ${APP}/secrets/mounted`, 200],
    [`GET ${APP}/secrets/pulled`, 200],
    [`GET ${APP}/secrets/wired`, 200],
    [`GET ${APP}/secrets/projected`, 200],
    [`GET ${APP}/secrets/init`, 200],
    [`GET ${APP}/secrets?fieldSelector=metadata.name%3Dmounted`, 200],
    [`GET ${APP}/configmaps/mounted`, 200],
    [`GET ${APP}/configmaps/kube-root-ca.crt`, 404],
    [`GET ${APP}/persistentvolumeclaims/claim`, 200],
    ['GET /api/v1/persistentvolumes/pv', 200],
    [`GET ${APP}/secrets/of-pv`, 404],
    [`GET ${APP}/pods/mine`, 200],
    ['GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn1', 200],
    [`GET ${APP}/pods?fieldSelector=metadata.name%3Dmine`, 200],
    ['GET /api/v1/nodes/n1', 200],
    ['GET /api/v1/nodes?fieldSelector=metadata.name%3Dn1', 200],
    ['GET /api/v1/services', 200],
    [`GET ${LEASES}/kube-node-lease/leases/n1`, 404],
    ['GET /api', 200],
    ['GET /healthz', 200],
  ])('may: %s', async (request, status) => {
    const answer = await ask(node('n1'), request)
    expect([answer.status, answer.status === 403 ? answer.message : '']).toEqual([status, ''])
  })

  const unrelated = "no relationship found between node 'n1' and this object"
  const ownNodeOnly = "node 'n1' cannot read all nodes, only its own Node object"
  it.each([
    [`GET ${APP}/secrets/other`, unrelated],
    [`GET ${APP}/secrets/of-pv2`, unrelated],
    [`GET ${APP}/secrets`, 'No Object name found'],
    ['GET /api/v1/secrets', 'can only read namespaced object of this type'],
    [`GET ${APP}/secrets?fieldSelector=metadata.name%3Dother`, unrelated],
    [`GET ${APP}/secrets?fieldSelector=metadata.name%21%3Dmounted`, 'No Object name found'],
    ['GET /api/v1/namespaces/default/secrets/mounted', unrelated],
    [`DELETE ${APP}/secrets/mounted`, 'can only read resources of this type'],
    [`PUT ${APP}/configmaps/mounted`, 'can only read resources of this type'],
    [`GET ${APP}/configmaps/other`, unrelated],
    [`GET ${APP}/persistentvolumeclaims/other`, unrelated],
    [`GET ${APP}/persistentvolumeclaims`, 'can only get individual resources of this type'],
    ['GET /api/v1/persistentvolumes/pv2', unrelated],
    [`GET ${APP}/pods/theirs`, unrelated],
    ['GET /api/v1/pods', 'can only list/watch pods with spec.nodeName field selector'],
    ['GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn2', 'can only list/watch pods with spec.nodeName field selector'],
    [
      'GET /api/v1/pods?fieldSelector=spec.nodeName%21%3Dn1',
      'can only list/watch pods with spec.nodeName field selector',
    ],
    ['GET /api/v1/nodes', ownNodeOnly],
    ['GET /api/v1/nodes/n2', "node 'n1' cannot read 'n2', only its own Node object"],
    ['DELETE /api/v1/nodes/n1', ''],
    [`GET ${APP}/serviceaccounts/robot`, 'can only create tokens for individual service accounts'],
    [`POST ${APP}/serviceaccounts/other/token`, unrelated],
    [`GET ${LEASES}/kube-node-lease/leases/n2`, 'can only access node lease with the same name as the requesting node'],
    [`GET ${LEASES}/kube-node-lease/leases`, 'can only get, create, update, patch, or delete a node lease'],
    [`GET ${LEASES}/default/leases/n1`, 'can only access leases in the "kube-node-lease" system namespace'],
    ['GET /api/v1/namespaces', ''],
    ['GET /apis/apps/v1/deployments', ''],
    ['GET /apis/discovery.k8s.io/v1/endpointslices', ''],
    [`POST ${APP}/pods/mine/binding`, ''],
    [`GET ${APP}/pods/mine/exec`, ''],
    [`GET ${APP}/pods/mine/log`, ''],
    [`POST ${RBAC}/clusterrolebindings`, ''],
    ['GET /metrics', ''],
  ])('may not: %s', async (request, reason) => {
    const { status, message } = await ask(node('n1'), request, { body: {} })
    expect(status).toBe(403)
    expect(message).toMatch(/^[^:]*: User "system:node:n1" cannot /)
    expect(reason === '' || message.endsWith(`: ${reason}`) || message).toBe(true)
  })

  it('a node that does not say which it is may nothing', async () => {
    for (const name of ['system:node:', 'system:node:N1', 'system:node:a/b'])
      expect((await ask(user(name, 'system:nodes'), 'GET /api/v1/services')).message).toContain(
        `: unknown node for user "${name}"`,
      )
  })

  const mirror = (more: object = {}, metadata: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'mirror',
      annotations: { 'kubernetes.io/config.mirror': 'x' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: uids.n1, controller: true }],
      ...metadata,
    },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }], ...more },
  })

  it.each<[what: string, body: () => object, reason: string]>([
    [
      'an ordinary pod',
      () => core('Pod', 'p', { spec: spec('n1', undefined) }),
      'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ],
    [
      'of another node',
      () => mirror({ nodeName: 'n2' }),
      'node "n1" can only create pods with spec.nodeName set to itself',
    ],
    [
      'without an owner',
      () => mirror({}, { ownerReferences: [] }),
      'node "n1" can only create pods with an owner reference set to itself',
    ],
    [
      'with another uid',
      () =>
        mirror({}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u', controller: true }] }),
      `node n1 UID mismatch: expected u got `,
    ],
    [
      'with an account',
      () => mirror({ serviceAccountName: 'robot' }),
      'node "n1" can not create pods that reference a service account',
    ],
    [
      'with a secret',
      () => mirror({ volumes: [{ name: 's', secret: { secretName: 'other' } }] }),
      'node "n1" can not create pods that reference secrets',
    ],
    [
      'with a config map',
      () => mirror({ volumes: [{ name: 's', configMap: { name: 'other' } }] }),
      'node "n1" can not create pods that reference configmaps',
    ],
    [
      'with a claim',
      () => mirror({ volumes: [{ name: 's', persistentVolumeClaim: { claimName: 'other' } }] }),
      'node "n1" can not create pods that reference persistentvolumeclaims',
    ],
  ])('creates no pod %s', async (_what, body, reason) => {
    const { status, message } = await ask(node('n1'), `POST ${APP}/pods?dryRun=All`, { body: body() })
    expect([status, message]).toEqual([403, expect.stringContaining(` is forbidden: ${reason}`)])
  })

  it('creates pictures of what it runs by itself', async () => {
    expect((await ask(node('n1'), `POST ${APP}/pods?dryRun=All`, { body: mirror() })).message).toBe('')
  })

  it('writes the status of its own pods only, and no labels by it', async () => {
    const patch = (pod: string, body: object) => ask(node('n1'), `PATCH ${APP}/pods/${pod}/status`, { body })
    expect((await patch('mine', { status: { reason: 'x' } })).status).toBe(200)
    expect((await patch('theirs', { status: { reason: 'x' } })).message).toBe(
      'pods "theirs" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    )
    expect((await patch('mine', { metadata: { labels: { a: 'b' } } })).message).toBe(
      'pods "mine" is forbidden: node "n1" cannot update labels through pod status',
    )
  })

  it('deletes and evicts its own pods only', async () => {
    expect((await ask(node('n1'), `DELETE ${APP}/pods/theirs`)).message).toBe(
      'pods "theirs" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    )
    const eviction = { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'theirs' } } }
    expect((await ask(node('n1'), `POST ${APP}/pods/theirs/eviction`, eviction)).message).toBe(
      'pods "theirs" is forbidden: node n1 can only evict pods with spec.nodeName set to itself',
    )
    expect((await ask(node('n1'), `DELETE ${APP}/pods/mine?dryRun=All`)).status).toBe(200)
    expect((await ask(node('n1'), `DELETE ${APP}/pods`)).status).toBe(403)
  })

  it('writes its own Node only, and nothing on it that steers pods', async () => {
    const patch = (name: string, body: object, sub = '') =>
      ask(node('n1'), `PATCH /api/v1/nodes/${name}${sub}`, { body })
    expect((await patch('n1', { metadata: { labels: { 'kubernetes.io/arch': 'arm64', mine: 'yes' } } })).status).toBe(
      200,
    )
    expect((await patch('n1', { status: { phase: 'Running' } }, '/status')).status).toBe(200)
    expect((await patch('n2', { status: {} }, '/status')).message).toBe(
      'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    )
    for (const label of [
      'node-restriction.kubernetes.io/a',
      'x.node-restriction.kubernetes.io/a',
      'node-role.kubernetes.io/control-plane',
      'a.k8s.io/b',
    ])
      expect((await patch('n1', { metadata: { labels: { [label]: 'x' } } })).message).toBe(
        `nodes "n1" is forbidden: is not allowed to modify labels: ${label}`,
      )
    expect((await patch('n1', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } })).message).toContain(
      'node "n1" is not allowed to modify taints',
    )
    expect((await ask(node('n1'), 'POST /api/v1/nodes', { body: core('Node', 'n3') })).message).toContain(
      'node "n1" is not allowed to modify node "n3"',
    )
  })

  it('holds its own Lease only', async () => {
    const lease = (name: string) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } })
    const path = `${LEASES}/kube-node-lease/leases`
    expect((await ask(node('n1'), `POST ${path}`, { body: lease('n2') })).message).toContain(
      'can only access node lease with the same name as the requesting node',
    )
    expect((await ask(node('n1'), `POST ${path}`, { body: lease('n1') })).status).toBe(201)
    expect((await ask(node('n1'), `PUT ${path}/n2`, { body: lease('n2') })).status).toBe(403)
  })

  const ref = (name: string, uid = uids[name]) => ({ apiVersion: 'v1', kind: 'Pod', name, uid })
  it.each<[what: string, spec: () => object, reason: string]>([
    ['bound to nothing', () => ({}), 'node requested token not bound to a pod'],
    [
      'without a uid',
      () => ({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'mine' } }),
      'node requested token with a pod binding without a uid',
    ],
    [
      'with another uid',
      () => ({ boundObjectRef: ref('mine', 'u') }),
      'the UID in the bound object reference (u) does not match',
    ],
    [
      "of another node's pod",
      () => ({ boundObjectRef: ref('theirs') }),
      'node requested token bound to a pod scheduled on a different node',
    ],
    [
      'for two audiences',
      () => ({ audiences: ['vault', 'b'], boundObjectRef: ref('mine') }),
      'node may only request 0 or 1 audiences',
    ],
    [
      'for an audience that the pod does not name',
      () => ({ audiences: ['x'], boundObjectRef: ref('mine') }),
      'audience "x" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    ],
  ])('gets no token %s', async (_what, spec, reason) => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: spec() }
    const { status, message } = await ask(node('n1'), `POST ${APP}/serviceaccounts/robot/token`, { body })
    expect([status, message]).toEqual([403, expect.stringContaining(`serviceaccounts "robot" is forbidden: ${reason}`)])
  })

  it('gets the tokens that its pods name', async () => {
    for (const audiences of [[], ['vault']]) {
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences, boundObjectRef: ref('mine') },
      }
      expect((await ask(node('n1'), `POST ${APP}/serviceaccounts/robot/token`, { body })).message).toBe('')
    }
  })

  it('forgets what a pod needed when the pod is gone', async () => {
    await create(`${APP}/secrets`, core('Secret', 'short'))
    const volumes = [{ name: 's', secret: { secretName: 'short' } }]
    for (const name of ['short-1', 'short-2'])
      await create(`${APP}/pods`, core('Pod', name, { spec: { ...spec('n1', undefined), volumes } }))
    const seen = async () => (await ask(node('n1'), `GET ${APP}/secrets/short`)).status
    const remove = (name: string) =>
      ask(ADMIN, `DELETE ${APP}/pods/${name}`, {
        body: { gracePeriodSeconds: 0, apiVersion: 'v1', kind: 'DeleteOptions' },
      })
    expect(await seen()).toBe(200)
    await remove('short-1')
    expect(await seen()).toBe(200)
    await remove('short-2')
    expect(await seen()).toBe(403)
  })
})
