/** Default roles as everybody may look at and change them, and the rule that nobody gives what he does not have. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { ADMIN, type Asker, named, RBAC, rules, startAsker, user } from '../sim/asker.ts'
import { defaultRoles } from './authz/default-roles/index.ts'
import { storeDefaultRoles } from './authz/default-roles/store.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const roles = defaultRoles()
let asker: Asker
const ask: Asker['ask'] = (...all) => asker.ask(...all)
const store = (defaults = roles) => storeDefaultRoles(asker.api.registry, defaults, () => Promise.resolve(true))

beforeEach(async () => {
  roles.stored = false
  asker = await startAsker({
    clock: systemClock,
    random: new SeededRandom(1),
    server: { defaultRoles: roles },
  })
})
afterEach(() => asker.api.close())

interface Role {
  readonly metadata: { readonly name: string }
  readonly rules?: readonly { readonly resources?: readonly string[]; readonly verbs: readonly string[] }[]
}

describe('the default roles', () => {
  const may = async (who: string, request: string) => (await ask(user(who), request)).status !== 403

  it('count before they are stored and after', async () => {
    expect(await may('ann', 'GET /api')).toBe(true)
    expect(await may('system:kube-proxy', 'GET /api/v1/services')).toBe(true)
    await store()
    expect(await may('ann', 'GET /api')).toBe(true)
    expect(await may('system:kube-proxy', 'GET /api/v1/services')).toBe(true)
  })

  it('count no more when somebody takes them away', async () => {
    await store()
    await ask(ADMIN, `DELETE ${RBAC}/clusterrolebindings/system:discovery`)
    expect(await may('ann', 'GET /api')).toBe(false)
    expect(await may('system:kube-proxy', 'GET /api/v1/services')).toBe(true)
    await ask(ADMIN, `DELETE ${RBAC}/clusterroles/system:node-proxier`)
    const { message } = await ask(user('system:kube-proxy'), 'GET /api/v1/services')
    expect(message).toMatch(/: RBAC: clusterrole\.rbac\.authorization\.k8s\.io "system:node-proxier" not found$/)
  })

  it('also before the others are stored', async () => {
    const body = { apiVersion, kind: 'ClusterRole', metadata: { name: 'system:discovery' }, rules: [] }
    await asker.create(`${RBAC}/clusterroles`, body)
    expect(await may('ann', 'GET /api')).toBe(false)
  })

  it('are as Kubernetes makes them', async () => {
    await store()
    const count = async (path: string) =>
      ((await asker.api.client.call('GET', `${RBAC}/${path}`)) as { items: unknown[] }).items.length
    expect([await count('clusterroles'), await count('clusterrolebindings')]).toEqual([69, 50])
    expect([await count('roles'), await count('rolebindings')]).toEqual([7, 7])
    const edit = (await ask(ADMIN, `GET ${RBAC}/clusterroles/edit`)).object as unknown as Role
    expect(edit).toMatchObject({
      metadata: {
        labels: {
          'kubernetes.io/bootstrapping': 'rbac-defaults',
          'rbac.authorization.k8s.io/aggregate-to-admin': 'true',
        },
        annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
      },
      aggregationRule: {
        clusterRoleSelectors: [{ matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' } }],
      },
    })
  })

  it('get back at the next start what they lack, unless they refuse it', async () => {
    await store()
    const path = (name: string) => `${RBAC}/clusterroles/${name}`
    const own = { verbs: ['get'], apiGroups: ['mine'], resources: ['things'] }
    await ask(ADMIN, `PATCH ${path('system:kube-dns')}`, { body: { rules: [own] } })
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }
    await ask(ADMIN, `PATCH ${path('view')}`, { body: { metadata: { annotations }, rules: [] } })
    await ask(ADMIN, `PATCH ${path('system:heapster')}`, { body: { metadata: { annotations }, rules: [own] } })
    await ask(ADMIN, `PATCH ${RBAC}/clusterrolebindings/system:monitoring`, { body: { subjects: [named('me')] } })
    await ask(ADMIN, `DELETE ${RBAC}/clusterrolebindings/system:discovery`)
    await store(defaultRoles())
    const object = async (target: string) => (await ask(ADMIN, `GET ${target}`)).object
    expect(await object(path('system:kube-dns'))).toMatchObject({
      rules: [own, { resources: ['endpoints'], verbs: ['list', 'watch'] }, { resources: ['services'] }],
    })
    expect((await object(path('system:heapster'))).rules).toEqual([own])
    expect(await object(`${RBAC}/clusterrolebindings/system:monitoring`)).toMatchObject({
      subjects: [{ name: 'me' }, { kind: 'Group', name: 'system:monitoring' }],
    })
    expect(await may('ann', 'GET /api')).toBe(true)
  })

  it('are written once: a second start changes nothing', async () => {
    await store()
    const version = async () => (await ask(ADMIN, `GET ${RBAC}/clusterroles/admin`)).object.metadata.resourceVersion
    const before = await version()
    await store(defaultRoles())
    expect(await version()).toBe(before)
  })
})

describe('nobody gives what he does not have', () => {
  const at = `${RBAC}/namespaces/default`
  const role = (list: object[], name = 'r') => ({ apiVersion, kind: 'Role', metadata: { name }, rules: list })
  const binding = (kind: string, name: string) => ({
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name: 'b' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
    subjects: [named('ann')],
  })
  const ann = user('ann', 'devs')

  beforeEach(async () => {
    const writes = rules(['create update patch get', 'rbac.authorization.k8s.io', 'roles rolebindings clusterroles'])
    await asker.grant('writers', named('ann'), [...writes, ...rules(['get list', '', 'pods'])])
  })

  it('a role of what its writer may do is made, a bigger one is refused', async () => {
    const post = (list: object[]) => ask(ann, `POST ${at}/roles?dryRun=All`, { body: role(list) })
    expect((await post(rules(['get', '', 'pods']))).status).toBe(201)
    expect((await post(rules(['get', '', 'pods', 'only-this']))).status).toBe(201)
    const refused = await post(rules(['list get watch delete', '', 'pods secrets']))
    expect([refused.status, refused.message]).toEqual([
      403,
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]}\n' +
        '{APIGroups:[""], Resources:["secrets"], Verbs:["list" "get" "watch" "delete"]}',
    ])
    expect((await post(rules(['*', '*', '*']))).message).toContain('{APIGroups:["*"], Resources:["*"], Verbs:["*"]}')
  })

  it.each([
    ['PUT', (list: object[]) => role(list)],
    ['PATCH', (list: object[]) => ({ rules: list })],
  ])('nor does a role grow by %s', async (method, body) => {
    await asker.create(`${at}/roles`, role(rules(['get', '', 'pods'])))
    const write = (list: object[]) => ask(ann, `${method} ${at}/roles/r`, { body: body(list) })
    expect((await write(rules(['get', '', 'secrets']))).status).toBe(403)
    expect((await write(rules(['list', '', 'pods']))).status).toBe(200)
  })

  it('what is there already may stay, whoever touches the rest', async () => {
    await asker.create(`${at}/roles`, role(rules(['get', '', 'secrets'])))
    const body = { metadata: { labels: { a: 'b' } } }
    expect((await ask(ann, `PATCH ${at}/roles/r`, { body })).status).toBe(200)
  })

  it('a role that gathers others needs everything', async () => {
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] }
    const body = { apiVersion, kind: 'ClusterRole', metadata: { name: 'all' }, aggregationRule }
    const { message } = await ask(ann, `POST ${RBAC}/clusterroles`, { body })
    expect(message).toContain('{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}')
  })

  it('a binding gives what its writer has, and names a role that is there', async () => {
    await asker.create(`${at}/roles`, role(rules(['get', '', 'pods'])))
    const post = (kind: string, name: string) =>
      ask(ann, `POST ${at}/rolebindings?dryRun=All`, { body: binding(kind, name) })
    expect((await post('Role', 'r')).status).toBe(201)
    expect((await post('ClusterRole', 'cluster-admin')).status).toBe(403)
    expect((await post('ClusterRole', 'none')).status).toBe(404)
    expect(
      (await ask(ADMIN, `POST ${at}/rolebindings?dryRun=All`, { body: binding('ClusterRole', 'none') })).status,
    ).toBe(201)
  })

  it('the verbs escalate and bind allow it, for the names they name', async () => {
    await asker.grant('escalators', named('ann'), [
      ...rules(['escalate', 'rbac.authorization.k8s.io', 'roles', 'r']),
      ...rules(['bind', 'rbac.authorization.k8s.io', 'clusterroles', 'view']),
    ])
    for (const name of ['r', 'other']) await asker.create(`${at}/roles`, role(rules(['get', '', 'pods']), name))
    const grow = (name: string) =>
      ask(ann, `PATCH ${at}/roles/${name}`, { body: { rules: rules(['get', '', 'secrets']) } })
    expect((await grow('r')).status).toBe(200)
    expect((await grow('other')).status).toBe(403)
    const bind = (name: string) =>
      ask(ann, `POST ${at}/rolebindings?dryRun=All`, { body: binding('ClusterRole', name) })
    expect((await bind('view')).status).toBe(201)
    expect((await bind('edit')).status).toBe(403)
  })

  it('not by impersonation of a group either', async () => {
    const headers = { 'impersonate-user': 'ann', 'impersonate-group': 'system:masters' }
    await asker.grant('as-ann', named('bea'), rules(['impersonate', '', 'users', 'ann']))
    expect((await ask(user('bea'), `POST ${at}/roles`, { headers, body: role(rules(['*', '*', '*'])) })).status).toBe(
      403,
    )
  })
})
