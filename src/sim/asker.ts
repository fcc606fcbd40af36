/** Requests of anybody to an API server without sockets, as short as a test's table wants them. */

import type { UserInfo } from '../wire/exchange.ts'
import { startTestApi, type TestApi, type TestApiOptions } from './test-api.ts'

export const RBAC = '/apis/rbac.authorization.k8s.io/v1'
export const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups })
export const ADMIN = user('admin', 'system:masters')

/** A list: the header comes several times. */
export type Headers = Readonly<Record<string, string | readonly string[]>>

interface Asked {
  readonly headers?: Headers
  readonly body?: unknown
  readonly upgrade?: boolean
}

interface Answer {
  readonly status: number
  /** Of a Status; else ''. */
  readonly message: string
  readonly object: {
    readonly metadata: Readonly<Record<string, unknown>>
    readonly status?: Readonly<Record<string, unknown>>
  } & Readonly<Record<string, unknown>>
}

export interface Asker {
  readonly api: TestApi
  /** `GET /api/v1/pods?limit=1`. */
  ask(who: UserInfo, request: string, more?: Asked): Promise<Answer>
  /** As the administrator; throws unless it is created. */
  create(path: string, body: object): Promise<Answer>
  /** A ClusterRole of these rules, bound to the subject. */
  grant(name: string, subject: object, rules: readonly object[]): Promise<void>
}

export async function startAsker(options: TestApiOptions): Promise<Asker> {
  const api = await startTestApi(options)
  const ask: Asker['ask'] = async (who, request, more = {}) => {
    const [method = '', target = ''] = request.split(' ')
    const [path = '', query] = target.split('?')
    const headers = {
      ...(method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {}),
      ...more.headers,
    }
    const answer = await api.server.handle({
      method,
      path,
      query: new URLSearchParams(query),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')])),
      rawHeaders: Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one])),
      ...(more.upgrade ? { upgrade: true } : {}),
      user: who,
      body: () => Promise.resolve(more.body === undefined ? undefined : { object: more.body }),
      signal: new AbortController().signal,
    })
    const object = (answer.body.type === 'object' ? answer.body.object : {}) as Answer['object']
    return { status: answer.status, message: String(object.message ?? ''), object }
  }
  const create: Asker['create'] = async (path, body) => {
    const answer = await ask(ADMIN, `POST ${path}`, { body })
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${answer.message}`)
    return answer
  }
  return {
    api,
    ask,
    create,
    async grant(name, subject, list) {
      const apiVersion = 'rbac.authorization.k8s.io/v1'
      await create(`${RBAC}/clusterroles`, { apiVersion, kind: 'ClusterRole', metadata: { name }, rules: list })
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
      const binding = { apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects: [subject] }
      await create(`${RBAC}/clusterrolebindings`, binding)
    },
  }
}

/** An object of the core group. */
export const core = (kind: string, name: string, rest: object = {}) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name },
  ...rest,
})

/** Rules in words: `rules(['get list', '', 'pods', 'a b'])`. */
export const rules = (...list: [verbs: string, group: string, resources: string, names?: string][]) =>
  list.map(([verbs, group, resources, names]) => ({
    verbs: verbs.split(' '),
    apiGroups: [group],
    resources: resources.split(' '),
    ...(names ? { resourceNames: names.split(' ') } : {}),
  }))

export const named = (name: string) => ({ kind: 'User', name })
