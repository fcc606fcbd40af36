/** Who may do what: identities against requests, through the whole chain. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { ADMIN, type Asker, core, type Headers, named, RBAC, rules, startAsker, user } from '../sim/asker.ts'
import type { UserInfo } from '../wire/exchange.ts'

let asker: Asker
const ask: Asker['ask'] = (...all) => asker.ask(...all)
const create: Asker['create'] = (...all) => asker.create(...all)
const grant: Asker['grant'] = (...all) => asker.grant(...all)

beforeAll(async () => {
  asker = await startAsker({ clock: systemClock, random: new SeededRandom(1) })
})
afterAll(() => asker.api.close())

describe('a name gives nobody power', () => {
  it.each([
    ...['system:kube-controller-manager', 'system:kube-scheduler', 'system:kube-proxy', 'system:kube-x'],
    ...['system:ebb:x', 'system:apiserver', 'system:admin', 'kubernetes-admin', 'system:node', 'system:masters'],
  ])('%s', async (name) => {
    for (const groups of [[], ['system:nodes'], ['system:authenticated']]) {
      const who = user(name, ...groups)
      expect((await ask(who, 'DELETE /api/v1/namespaces/default')).status).toBe(403)
      expect((await ask(who, 'DELETE /api/v1/namespaces/kube-system/configmaps/any')).status).toBe(403)
      expect((await ask(who, `POST ${RBAC}/clusterrolebindings`, { body: {} })).status).toBe(403)
    }
  })

  it('but the group system:masters does', async () => {
    expect((await ask(user('anybody', 'system:masters'), 'GET /api/v1/secrets')).status).toBe(200)
  })

  it('and the components what their default roles say', async () => {
    const may = async (name: string, request: string) => (await ask(user(name), request)).status !== 403
    expect(await may('system:kube-proxy', 'GET /api/v1/services')).toBe(true)
    expect(await may('system:kube-proxy', 'GET /apis/discovery.k8s.io/v1/endpointslices')).toBe(true)
    expect(await may('system:kube-proxy', 'GET /api/v1/pods')).toBe(false)
    expect(await may('system:kube-proxy', 'GET /api/v1/secrets')).toBe(false)
    expect(await may('system:kube-scheduler', 'GET /api/v1/pods')).toBe(true)
    expect(await may('system:kube-scheduler', 'GET /api/v1/secrets')).toBe(false)
    expect(await may('system:kube-controller-manager', 'GET /api/v1/pods')).toBe(true)
    expect(await may('system:kube-controller-manager', 'DELETE /api/v1/namespaces/default/pods/p')).toBe(false)
  })
})

describe('impersonation', () => {
  const WHO = 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews'
  const as = (who: UserInfo, headers: Headers, request = WHO) => ask(who, request, { headers, body: {} })

  beforeAll(async () => {
    const reviews = rules(['create', 'authentication.k8s.io', 'selfsubjectreviews'])
    await grant('anybody-asks', { kind: 'Group', name: 'system:unauthenticated' }, reviews)
    const scopes = 'userextras/scopes'
    await grant(
      'by-name',
      named('carl'),
      rules(['impersonate', '', 'users', 'bob'], ['impersonate', '', 'groups', 'devs']),
    )
    await grant('all-parts', named('dora'), [
      ...rules(['impersonate', '', 'users groups serviceaccounts']),
      ...rules(['impersonate', 'authentication.k8s.io', `uids ${scopes}`]),
    ])
    await grant('accounts', named('emma'), rules(['impersonate', '', 'serviceaccounts', 'robot']))
    await grant('core-users-only', named('finn'), rules(['impersonate', '', 'users groups uids userextras/scopes']))
    await grant('constrained', named('gina'), [
      ...rules(['impersonate:user-info', 'authentication.k8s.io', 'users', 'bob']),
      ...rules(['impersonate-on:user-info:list', '', 'pods']),
    ])
    await grant('pods-reader', named('bob'), rules(['list get', '', 'pods']))
    const apiVersion = 'rbac.authorization.k8s.io/v1'
    await create(`${RBAC}/namespaces/default/roles`, {
      apiVersion,
      kind: 'Role',
      metadata: { name: 'local' },
      rules: rules(['impersonate', '', 'users groups serviceaccounts']),
    })
    await create(`${RBAC}/namespaces/default/rolebindings`, {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { name: 'local' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'local' },
      subjects: [named('hugo')],
    })
  })

  it.each<[headers: Headers, userInfo: object]>([
    [{ 'impersonate-user': 'bob' }, { username: 'bob', groups: ['system:authenticated'] }],
    [
      { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b'] },
      { username: 'bob', groups: ['a', 'b', 'system:authenticated'] },
    ],
    [
      { 'impersonate-user': 'bob', 'impersonate-group': 'system:unauthenticated' },
      { username: 'bob', groups: ['system:unauthenticated'] },
    ],
    [{ 'impersonate-user': 'system:anonymous' }, { username: 'system:anonymous', groups: ['system:unauthenticated'] }],
    [
      { 'impersonate-user': 'system:anonymous', 'impersonate-group': 'x' },
      { username: 'system:anonymous', groups: ['x', 'system:unauthenticated'] },
    ],
    [
      { 'impersonate-user': 'system:serviceaccount:app:robot' },
      {
        username: 'system:serviceaccount:app:robot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:app', 'system:authenticated'],
      },
    ],
    [
      { 'impersonate-user': 'system:serviceaccount:app:robot', 'impersonate-group': 'x' },
      { username: 'system:serviceaccount:app:robot', groups: ['x', 'system:authenticated'] },
    ],
    [
      { 'impersonate-user': 'bob', 'impersonate-uid': 'u', 'impersonate-extra-acme.com%2Fproject': 'p' },
      { username: 'bob', uid: 'u', groups: ['system:authenticated'], extra: { 'acme.com/project': ['p'] } },
    ],
    [
      { 'impersonate-user': 'system:node:n1' },
      { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
    ],
  ])('%j is %j', async (headers, userInfo) => {
    // Somebody new each time: the way that worked last is tried first, and the ways differ in a node's groups.
    const somebody = user(JSON.stringify(headers), 'system:masters')
    expect((await as(somebody, headers)).object.status?.userInfo).toEqual(userInfo)
  })

  it('takes headers that come several times as several values, commas and all', async () => {
    const headers = {
      'impersonate-user': 'bob',
      'impersonate-group': ['cn=devs,o=acme', 'b'],
      'impersonate-extra-scopes': ['x', 'y, z'],
    }
    expect((await as(ADMIN, headers)).object.status?.userInfo).toEqual({
      username: 'bob',
      groups: ['cn=devs,o=acme', 'b', 'system:authenticated'],
      extra: { scopes: ['x', 'y, z'] },
    })
  })

  it.each<[headers: Headers, message: string]>([
    [
      { 'impersonate-group': 'devs' },
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"devs"}, Extra:map[string][]string(nil)} without impersonating a user name',
    ],
    [
      { 'impersonate-uid': 'u' },
      'requested &user.DefaultInfo{Name:"", UID:"u", Groups:[]string(nil), Extra:map[string][]string(nil)} without impersonating a user name',
    ],
    [
      { 'impersonate-user': '', 'impersonate-extra-a': 'b' },
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}} without impersonating a user name',
    ],
  ])('%j without a user is refused', async (headers, message) => {
    const answer = await as(ADMIN, headers)
    expect([answer.status, answer.message]).toEqual([400, message])
  })

  it.each<[who: string, headers: Headers, refused: string]>([
    ['carl', { 'impersonate-user': 'bob' }, ''],
    ['carl', { 'impersonate-user': 'bob', 'impersonate-group': 'devs' }, ''],
    ['carl', { 'impersonate-user': 'bob', 'impersonate-group': ['devs', 'system:masters'] }, 'groups'],
    ['carl', { 'impersonate-user': 'bob', 'impersonate-group': ['system:masters', 'devs'] }, 'groups'],
    ['carl', { 'impersonate-user': 'alice' }, 'users'],
    ['carl', { 'impersonate-user': 'bob', 'impersonate-uid': 'u' }, 'uids'],
    ['carl', { 'impersonate-user': 'bob', 'impersonate-extra-scopes': 'x' }, 'userextras'],
    ['carl', { 'impersonate-user': 'system:serviceaccount:app:bob' }, 'serviceaccounts'],
    [
      'dora',
      {
        'impersonate-user': 'alice',
        'impersonate-group': 'system:masters',
        'impersonate-uid': 'u',
        'impersonate-extra-scopes': 'x',
      },
      '',
    ],
    ['dora', { 'impersonate-user': 'alice', 'impersonate-extra-other': 'x' }, 'userextras'],
    ['emma', { 'impersonate-user': 'system:serviceaccount:app:robot' }, ''],
    ['emma', { 'impersonate-user': 'system:serviceaccount:kube-system:robot' }, ''],
    ['emma', { 'impersonate-user': 'system:serviceaccount:app:other' }, 'serviceaccounts'],
    ['emma', { 'impersonate-user': 'robot' }, 'users'],
    ['finn', { 'impersonate-user': 'bob', 'impersonate-uid': 'u' }, 'uids'],
    ['finn', { 'impersonate-user': 'bob', 'impersonate-extra-scopes': 'x' }, 'userextras'],
    ['hugo', { 'impersonate-user': 'bob' }, 'users'],
    ['hugo', { 'impersonate-user': 'system:serviceaccount:default:robot' }, ''],
    ['hugo', { 'impersonate-user': 'system:serviceaccount:app:robot' }, 'serviceaccounts'],
    ['nobody', { 'impersonate-user': 'bob' }, 'users'],
  ])('%s as %j: %s', async (who, headers, refused) => {
    const review = await ask(ADMIN, 'POST /apis/authorization.k8s.io/v1/subjectaccessreviews', {
      body: { spec: { user: who, resourceAttributes: { verb: 'x', resource: 'x' } } },
    })
    expect(review.status).toBe(201)
    // What is asked for lies in a namespace, and has a name and a subresource: none of that is the business of impersonation.
    for (const request of [
      WHO,
      'GET /api/v1/namespaces/default/pods/bob/log',
      'PUT /api/v1/namespaces/default/serviceaccounts/robot',
    ]) {
      const { status, message } = await as(user(who), headers, request)
      const impersonating = message.includes(`User "${who}" cannot impersonate`)
      expect([status === 403 && impersonating, message]).toEqual([refused !== '', message])
    }
  })

  it('says in the words of the way that fits what is not allowed', async () => {
    const pods = 'GET /api/v1/namespaces/default/pods'
    expect((await as(user('nobody'), { 'impersonate-user': 'bob' }, pods)).message).toBe(
      'pods is forbidden: User "nobody" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "default"',
    )
    expect((await as(user('carl'), { 'impersonate-user': 'bob' }, pods)).status).toBe(200)
    // Whose last way is known is told of that.
    expect((await as(user('carl'), { 'impersonate-user': 'alice' }, pods)).message).toBe(
      'users "alice" is forbidden: User "carl" cannot impersonate resource "users" in API group "" at the cluster scope',
    )
  })

  it('the constrained way counts for the requests it names', async () => {
    const bob = { 'impersonate-user': 'bob' }
    expect((await as(user('gina'), bob, 'GET /api/v1/pods')).status).toBe(200)
    expect((await as(user('gina'), bob, 'GET /api/v1/namespaces/default/pods/none')).status).toBe(403)
    expect((await as(user('gina'), { ...bob, 'impersonate-group': 'g' }, 'GET /api/v1/pods')).status).toBe(403)
    expect((await as(user('gina'), { 'impersonate-user': 'alice' }, 'GET /api/v1/pods')).status).toBe(403)
  })
})

describe('what runs in a pod is asked for as a create', () => {
  beforeAll(async () => {
    await grant(
      'exec-readers',
      named('reader'),
      rules(['get list watch', '', 'pods pods/exec pods/attach pods/portforward pods/log']),
    )
    await grant('exec-creators', named('creator'), rules(['create', '', 'pods/exec pods/attach pods/portforward']))
    await grant('exec-both', named('both'), rules(['get create', '', 'pods/exec pods/attach pods/portforward']))
  })

  it.each(['exec', 'attach', 'portforward'])('%s', async (verb) => {
    const path = `/api/v1/namespaces/default/pods/none/${verb}?command=id&stdout=1`
    const upgrade = { upgrade: true, headers: { upgrade: 'websocket' } }
    const refused = (who: string, asked: string) =>
      `pods "none" is forbidden: User "${who}" cannot ${asked} resource "pods/${verb}" in API group "" in the namespace "default"`
    expect((await ask(user('reader'), `GET ${path}`, upgrade)).message).toBe(refused('reader', 'create'))
    expect((await ask(user('reader'), `POST ${path}`, upgrade)).message).toBe(refused('reader', 'create'))
    expect((await ask(user('creator'), `GET ${path}`, upgrade)).message).toBe(refused('creator', 'get'))
    expect((await ask(user('creator'), `POST ${path}`, upgrade)).status).toBe(404)
    expect((await ask(user('both'), `GET ${path}`, upgrade)).status).toBe(404)
  })

  it('a log is only read', async () => {
    expect((await ask(user('reader'), 'GET /api/v1/namespaces/default/pods/none/log')).status).toBe(404)
  })
})

describe('a verb does not stand for another', () => {
  it('who may only update does not create by it', async () => {
    await grant('updaters', named('ulla'), rules(['update patch get', '', 'services configmaps']))
    const path = '/api/v1/namespaces/default'
    const service = core('Service', 'new', { spec: { ports: [{ port: 80 }] } })
    const refused =
      'services "new" is forbidden: User "ulla" cannot create resource "services" in API group "" in the namespace "default"'
    expect((await ask(user('ulla'), `PUT ${path}/services/new`, { body: service })).message).toBe(refused)
    const apply = { headers: { 'content-type': 'application/apply-patch+yaml' }, body: core('ConfigMap', 'new') }
    expect((await ask(user('ulla'), `PATCH ${path}/configmaps/new?fieldManager=m`, apply)).message).toContain(
      'cannot create resource "configmaps"',
    )
  })

  it('a selector names no object that is created', async () => {
    await grant('named-creator', named('nina'), rules(['create deletecollection', '', 'configmaps', 'only']))
    const query = 'fieldSelector=metadata.name%3Donly'
    for (const request of ['POST', 'DELETE'])
      expect(
        (
          await ask(user('nina'), `${request} /api/v1/namespaces/default/configmaps?${query}`, {
            body: core('ConfigMap', 'x'),
          })
        ).status,
      ).toBe(403)
  })
})
