/** Objects in other forms than JSON, by curl against the program as it is shipped: what is loaded late must be in the bundle. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type StartedCluster, startCluster } from '../tools/golden/cluster.mjs'
import { Shell } from './shell.ts'

let cluster: StartedCluster
let shell: Shell

beforeAll(async () => {
  cluster = await startCluster({ args: ['--no-node'] })
  shell = new Shell(cluster.kubeconfig)
})
afterAll(async () => {
  shell?.close()
  await cluster?.stop()
})

const curl = (args: string, path: string, stdin = '') =>
  shell.ok(`curl -sk -H 'Authorization: Bearer ${cluster.token}' ${args} '${cluster.url}${path}'`, stdin)

const collection = '/api/v1/namespaces/default/configmaps'
const manifest = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: "yes"}\n`

it('takes YAML and answers in it', async () => {
  const yaml = "--data-binary @- -H 'Content-Type: application/yaml' -H 'Accept: application/yaml'"
  expect(await curl(yaml, collection, manifest('posted'))).toContain('\nkind: ConfigMap\n')
  const apply = "-X PATCH --data-binary @- -H 'Content-Type: application/apply-patch+yaml'"
  const applied = await curl(apply, `${collection}/applied?fieldManager=me`, manifest('applied'))
  expect(JSON.parse(applied).data).toEqual({ a: 'yes' })
  const list = await curl("-H 'Accept: application/yaml'", collection)
  expect(list).toMatch(/^apiVersion: v1\nitems:\n- data:\n/)
  expect(list).toContain('\nkind: ConfigMapList\n')
  expect(await curl("-H 'Accept: application/yaml'", '/api/v1')).toMatch(/^groupVersion: v1\nkind: APIResourceList\n/)
  expect(await curl("-H 'Accept: application/yaml'", `${collection}/none`)).toContain('\nreason: NotFound\n')
  expect(await curl("-H 'Accept: application/yaml'", `${collection}?watch=true`)).toContain('code: 406\n')
})
