/** Files as people keep them, given to the real kubectl: lists, kinds that are not served, removed versions, typing errors. */
import { describe, expect, it } from 'vitest'
import { shell, useCluster } from './one-cluster.ts'

useCluster({ args: ['--no-node'] })

const list = (value: string, more = '') => `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: listed}
  data: {k: ${value}}
${more}- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: listed}
  spec:
    replicas: 0
    selector: {matchLabels: {a: b}}
    template:
      metadata: {labels: {a: b}}
      spec: {containers: [{name: c, image: i}]}
`

/** Not served: a custom resource without its definition, and versions that are gone. */
const MISSING = [
  ['Widget', 'example.com/v1'],
  ['Ingress', 'extensions/v1beta1'],
  ['PodSecurityPolicy', 'policy/v1beta1'],
  ['Deployment', 'apps/v1beta1'],
  ['CronJob', 'batch/v1beta1'],
] as const

const VALIDATIONS = ['strict', 'warn', 'ignore', 'true', 'false']

describe.each(VALIDATIONS)('with --validate=%s', (validate) => {
  it('a List is applied, compared, read and deleted', async () => {
    const applied = await shell.ok(`kubectl apply --validate=${validate} -f -`, list('one'))
    expect(applied).toBe('configmap/listed created\ndeployment.apps/listed created\n')
    expect(await shell.ok(`kubectl apply --validate=${validate} -f -`, list('two'))).toMatch(
      /^configmap\/listed configured\ndeployment\.apps\/listed unchanged\n/,
    )
    const difference = await shell.run('kubectl diff -f -', list('three'))
    expect([difference.code, difference.stdout]).toEqual([1, expect.stringMatching(/-\s+k: two\n\+\s+k: three\n/)])
    const read = await shell.ok('kubectl get configmap/listed deployment/listed -o yaml')
    expect(await shell.ok(`kubectl replace --validate=${validate} -f -`, read)).toBe(
      'configmap/listed replaced\ndeployment.apps/listed replaced\n',
    )
    expect(await shell.ok('kubectl delete -f -', list('two'))).toBe(
      'configmap "listed" deleted from default namespace\ndeployment.apps "listed" deleted from default namespace\n',
    )
    expect(await shell.ok(`kubectl create --validate=${validate} -f -`, list('one'))).toBe(applied)
    await shell.ok('kubectl delete -f -', list('one'))
  })

  it.each(MISSING)('%s of %s is not served, and kubectl says so', async (kind, apiVersion) => {
    const manifest = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\nspec: {a: 1}\n`
    for (const verb of ['apply', 'create', 'diff', 'delete']) {
      const option = verb === 'apply' || verb === 'create' ? `--validate=${validate}` : ''
      const { code, stderr } = await shell.run(`kubectl ${verb} ${option} -f -`, manifest)
      expect(code).not.toBe(0)
      expect(stderr).toContain(
        `resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "${kind}" in version ` +
          `"${apiVersion}"\nensure CRDs are installed first\n`,
      )
    }
  })
})

it('a list of one kind is created and applied: kubectl asks whether it is a custom resource', async () => {
  const maps = (data: string) => `apiVersion: v1
kind: ConfigMapList
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: first}, data: {k: ${data}}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: second}}
`
  expect(await shell.ok('kubectl create --save-config -f -', maps('one'))).toBe(
    'configmap/first created\nconfigmap/second created\n',
  )
  expect(await shell.ok('kubectl apply -f -', maps('two'))).toBe(
    'configmap/first configured\nconfigmap/second unchanged\n',
  )
})

it('a typing error in a List is found by the schema', async () => {
  const { code, stderr } = await shell.run('kubectl apply -f -', list('one', '  bogus: 1\n'))
  expect(code).toBe(1)
  expect(stderr).toContain('ValidationError(ConfigMap): unknown field "bogus" in io.k8s.api.core.v1.ConfigMap')
})
