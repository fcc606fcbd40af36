/** Volumes as the real kubectl shows them: what waits, what changes, what no pod can reach. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { becomesReady, cluster, eventsOf, makePod, needsBubblewrap, shell, useCluster } from './one-cluster.ts'

useCluster()

const waiting = (name: string) =>
  `kubectl get pod ${name} -o jsonpath='{.status.phase} {.status.containerStatuses[*].state.waiting.reason}'`

it('a type that the node cannot mount keeps the pod waiting, and what is missing until it is there', async () => {
  await makePod(
    'flex',
    `  containers: [{name: c, image: x, command: [sleep, "600"], volumeMounts: [{name: v, mountPath: /v}]}]\n  volumes: [{name: v, flexVolume: {driver: a/b}}]`,
  )
  await makePod(
    'later',
    `  containers: [{name: c, image: x, command: [sleep, "600"], volumeMounts: [{name: v, mountPath: /v}]}]\n  volumes: [{name: v, secret: {secretName: later}}]`,
  )
  const flex = await shell.until(eventsOf('flex'), (ran) => ran.stdout.includes('FailedMount'))
  expect(flex.stdout).toContain(
    'FailedMount: Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: failed to get Plugin from volumeSpec for volume "v" err=no volume plugin matched',
  )
  const later = await shell.until(eventsOf('later'), (ran) => ran.stdout.includes('FailedMount'))
  expect(later.stdout).toContain('FailedMount: MountVolume.SetUp failed for volume "v" : secret "later" not found')
  for (const name of ['flex', 'later']) expect(await shell.ok(waiting(name))).toBe('Pending ContainerCreating')
  await shell.ok('kubectl create secret generic later --from-literal=a=b')
  await becomesReady('later')
})

it('paths that lead out are refused before they are kept', async () => {
  const precious = join(shell.folder, 'precious.txt')
  writeFileSync(precious, 'mine')
  const path = `../../../../../../../../../../../..${precious}`
  const manifest = `apiVersion: v1\nkind: Pod\nmetadata: {name: p6}\nspec:\n  containers: [{name: c, image: x, command: [sleep, "600"], volumeMounts: [{name: v, mountPath: /data}]}]\n  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: "${path}"}}]}}]`
  const ran = await shell.run(`kubectl apply -f - <<'END'\n${manifest}\nEND`)
  expect(ran.stderr).toContain(`spec.volumes[0].projected.path: Invalid value: "${path}": must not contain '..'`)
  expect(readFileSync(precious, 'utf8')).toBe('mine')
})

it('a link that a pod made is no way out of its volume, and an expansion that is wrong can be corrected', async (context) => {
  needsBubblewrap(context)
  await makePod(
    'p7',
    `  initContainers: [{name: i, image: x, command: [ln, -s, /, /data/evil], volumeMounts: [{name: v, mountPath: /data}]}]
  containers:
  - {name: c, image: x, command: [sleep, "600"], volumeMounts: [{name: v, mountPath: /data, subPath: evil}]}
  - name: d
    image: x
    env: [{name: X, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['where']"}}}]
    command: [sh, -c, "echo made >/data/file; exec sleep 600"]
    volumeMounts: [{name: v, mountPath: /data, subPathExpr: "$(X)/deep"}]
  volumes: [{name: v, emptyDir: {}}]`,
  )
  const said = await shell.until(eventsOf('p7'), (ran) => /failed to prepare[\s\S]*missing value/.test(ran.stdout))
  expect(said.stdout).toContain('Failed: Error: failed to prepare subPath for volumeMount "v" of container "c"')
  expect(said.stdout).toContain('Failed: Error: missing value for X')
  expect(await shell.ok(waiting('p7'))).toBe('Pending CreateContainerConfigError CreateContainerConfigError')
  await shell.ok('kubectl annotate pod p7 where=..')
  await shell.until(eventsOf('p7'), (ran) =>
    ran.stdout.includes("unable to provision SubPath `../deep`: must not contain '..'"),
  )
  await shell.ok('kubectl annotate pod p7 --overwrite where=here')
  await shell.until('kubectl exec p7 -c d -- cat /data/file', (ran) => ran.stdout === 'made\n')
})

it('volumes show what has become of their sources, and only their sources change them', async (context) => {
  needsBubblewrap(context)
  await shell.ok('kubectl create configmap live --from-literal=level=info')
  await makePod(
    'reader',
    `  containers:
  - name: c
    image: x
    command: [sleep, "600"]
    volumeMounts: [{name: cm, mountPath: /cm}, {name: cm, mountPath: /one, subPath: level}, {name: me, mountPath: /me}]
  volumes:
  - {name: cm, configMap: {name: live}}
  - name: me
    projected:
      sources:
      - {configMap: {name: optional, optional: true}}
      - {downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}`,
  )
  await becomesReady('reader')
  const refused = await shell.run('kubectl exec reader -- touch /cm/x /me/x')
  expect(refused.stderr.match(/Read-only file system/g)).toHaveLength(2)
  await shell.ok('kubectl label pod reader tier=back --overwrite')
  await shell.until('kubectl exec reader -- cat /me/labels', (ran) => ran.stdout === 'tier="back"')
  await shell.ok('kubectl create configmap optional --from-literal=late=yes')
  await shell.ok('kubectl patch configmap live -p \'{"data":{"level":"debug"}}\'')
  await shell.until('kubectl exec reader -- cat /cm/level /me/late', (ran) => ran.stdout === 'debugyes', 60)
  expect(await shell.ok('kubectl exec reader -- cat /one')).toBe('info')
})

it('many pods deleted while their volumes are written leave nothing behind, and nothing to read about', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `brief-${i}`)
  const one = (name: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  terminationGracePeriodSeconds: 1\n  containers: [{name: c, image: x, command: [sleep, "600"], volumeMounts: [{name: v, mountPath: /v}]}]\n  volumes: [{name: v, projected: {sources: [{configMap: {name: kube-root-ca.crt}}, {serviceAccountToken: {path: t}}]}}]\n---\n`
  await shell.apply(names.map(one).join(''))
  await shell.ok(`kubectl delete pod ${names.join(' ')} --force --grace-period=0`)
  await shell.until('kubectl get pods -o name', (ran) => !ran.stdout.includes('brief-'))
  const told = await shell.ok(
    `kubectl get events -o jsonpath='{range .items[?(@.reason=="FailedMount")]}{.involvedObject.name}: {.message}{"\\n"}{end}'`,
  )
  expect(told.split('\n').filter((line) => line.startsWith('brief-'))).toEqual([])
  expect(cluster.output()).not.toMatch(/ENOTEMPTY|ENOENT|status of pod|clean-up of pod/)
})

it('what a pod mounted of the host outlives pod and ebb', async (context) => {
  needsBubblewrap(context)
  const host = join(shell.folder, 'host')
  mkdirSync(join(host, 'data'), { recursive: true })
  writeFileSync(join(host, 'data', 'precious'), 'mine')
  for (const name of ['ended', 'running']) {
    await makePod(
      name,
      `  containers: [{name: c, image: x, command: [sh, -c, "cat /v/precious && exec sleep 600"], volumeMounts: [{name: h, mountPath: /v, subPath: data}]}]\n  volumes: [{name: h, hostPath: {path: ${host}}}]`,
    )
    await becomesReady(name)
  }
  await shell.ok('kubectl delete pod ended')
  expect(readdirSync(join(host, 'data'))).toEqual(['precious'])
  await cluster.stop()
  expect(existsSync(join(host, 'data', 'precious'))).toBe(true)
})
