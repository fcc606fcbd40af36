/** The node's process dies; its pods do not. The next one adopts them, with what happened meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiConnection } from '../tools/golden/api-connection.mjs'
import { cluster, shell, useCluster } from './one-cluster.ts'
import { gone, processesWith } from './processes.ts'

let api: ApiConnection

useCluster({ args: ['--nodes', '2'] })
beforeAll(() => {
  api = new ApiConnection({ server: cluster.url, token: cluster.token })
})
afterAll(() => api?.close())

const node = (name: string, action: 'stop' | 'start') => api.request('POST', `/ebb/v1/nodes/${name}/${action}`)
const pod = (name: string, command: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeName: ebb-1
  restartPolicy: Never
  terminationGracePeriodSeconds: 3
  containers: [{name: app, image: busybox, command: ["sh", "-c", "${command}"], volumeMounts: [{name: v, mountPath: ${shell.folder}}]}]
  volumes: [{name: v, hostPath: {path: ${shell.folder}}}]
---`

describe('two nodes', () => {
  it('are both Ready and share the pods of a Deployment', async () => {
    expect(await shell.ok('kubectl get nodes')).toMatch(/ebb-1 +Ready[\s\S]*ebb-2 +Ready/)
    await shell.ok('kubectl create deployment spread --image=ebb/echo --replicas=4')
    await shell.ok('kubectl rollout status deployment/spread --timeout=30s')
    const names = await shell.ok("kubectl get po -l app=spread -o jsonpath='{.items[*].spec.nodeName}'")
    expect(new Set(names.trim().split(' '))).toEqual(new Set(['ebb-1', 'ebb-2']))
    await shell.ok('kubectl delete deployment spread')
  })
})

describe('a crash of the node process', () => {
  it('leaves pods running; the exit code of one that ended meanwhile is known afterwards', async () => {
    await shell.apply(
      pod('lives', 'while :; do sleep 1; done') +
        pod('ends', `while [ ! -e ${shell.folder}/go ]; do sleep 0.1; done; exit 7`),
    )
    await shell.ok('kubectl wait --for=condition=Ready pod/lives pod/ends --timeout=20s')
    const id = `kubectl get po lives -o jsonpath='{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'`
    const before = await shell.ok(id)
    expect(before).toMatch(/ 0$/)
    expect(processesWith('exit 7')).not.toEqual([])
    expect((await node('ebb-1', 'stop')).status).toBe(200)
    // One ends when nobody looks.
    shell.write('go', '')
    await gone(() => processesWith('exit 7'))
    expect((await node('ebb-1', 'start')).status).toBe(200)
    const ended = await shell.until(
      `kubectl get po ends -o jsonpath='{.status.phase} {.status.containerStatuses[0].state.terminated.exitCode}'`,
      (ran) => ran.stdout.startsWith('Failed'),
    )
    expect(ended.stdout).toBe('Failed 7')
    expect(await shell.ok(id)).toBe(before)
    expect(await shell.ok('kubectl exec lives -- echo still here')).toBe('still here\n')
    expect(await shell.ok('kubectl delete po lives ends')).toContain('"lives" deleted')
  })
})
