/** Objects in other forms than JSON, asked of the program as it is shipped: what is loaded late must be in the bundle. */
import { request } from 'node:https'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type StartedCluster, startCluster } from '../tools/golden/cluster.mjs'

let cluster: StartedCluster

beforeAll(async () => {
  cluster = await startCluster({ args: ['--no-node'] })
})
afterAll(async () => {
  await cluster?.stop()
})

/** The text of an answer, whatever its status. */
function ask(
  path: string,
  { method = 'GET', type = '', accept = 'application/yaml', body = '' } = {},
): Promise<string> {
  const headers = { authorization: `Bearer ${cluster.token}`, accept, ...(type && { 'content-type': type }) }
  return new Promise((resolve, reject) => {
    const asked = request(cluster.url + path, { method, headers, rejectUnauthorized: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (more: string) => {
        text += more
      })
      answer.on('end', () => resolve(text))
    })
    asked.on('error', reject).end(body)
  })
}

const collection = '/api/v1/namespaces/default/configmaps'
const manifest = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: "yes"}\n`

it('takes YAML and answers in it', async () => {
  const posted = await ask(collection, { method: 'POST', type: 'application/yaml', body: manifest('posted') })
  expect(posted).toContain('\nkind: ConfigMap\n')
  const apply = { method: 'PATCH', type: 'application/apply-patch+yaml', accept: '*/*', body: manifest('applied') }
  const applied = await ask(`${collection}/applied?fieldManager=me`, apply)
  expect(JSON.parse(applied).data).toEqual({ a: 'yes' })
  const list = await ask(collection)
  expect(list).toMatch(/^apiVersion: v1\nitems:\n- data:\n/)
  expect(list).toContain('\nkind: ConfigMapList\n')
  expect(await ask('/api/v1')).toMatch(/^groupVersion: v1\nkind: APIResourceList\n/)
  expect(await ask(`${collection}/none`)).toContain('\nreason: NotFound\n')
  expect(await ask(`${collection}?watch=true`)).toContain('code: 406\n')
})
