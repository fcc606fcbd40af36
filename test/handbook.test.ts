/**
 * The handbook on deleting and stopping pods, executed: every command and manifest of it, in its order, with the real kubectl.
 * Waiting for the workloads: StatefulSets with two pods of one ordinal, a PVC that is held by a pod, a node that is lost.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StartedCluster, startCluster } from '../tools/golden/cluster.mjs'
import { absent, reference, root } from '../tools/golden/reference.mjs'
import { Shell } from './shell.ts'

const SLEEPER = `["sh", "-c", "trap 'exit 0' TERM; echo hello from $(hostname); while :; do sleep 3600 & wait $!; done"]`
const STUBBORN = `["sh", "-c", "trap 'echo TERM' TERM; while :; do sleep 0.2; done"]`

const pod = (name: string, more: { labels?: string; command?: string; grace?: number; finalizers?: string } = {}) => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {${more.labels ?? 'app: myapp'}}
  ${more.finalizers ? `finalizers: [${more.finalizers}]` : ''}
spec:
  terminationGracePeriodSeconds: ${more.grace ?? 30}
  containers:
  - name: app
    image: my-app:latest
    command: ${more.command ?? SLEEPER}
---`

const rc = (name: string, replicas: number) => `
apiVersion: v1
kind: ReplicationController
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {app: ${name}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
      - name: app
        image: my-app:latest
        command: ["sh", "-c", "trap 'sleep 2; exit 0' TERM; while :; do sleep 3600 & wait $!; done"]
---`

const replicas = (kind: string, name: string) => `
apiVersion: apps/v1
kind: ${kind}
metadata: {name: ${name}}
spec:
  replicas: 1
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers: [{name: app, image: 'my-app:latest', command: ${SLEEPER}}]
---`

let cluster: StartedCluster
let shell: Shell

const running = (name: string, namespace = 'default') =>
  shell.ok(`kubectl wait --for=condition=Ready pod/${name} -n ${namespace} --timeout=20s`)
/** The log of a container from its first line to its end. */
const follow = (name: string) => shell.start(`kubectl logs -f ${name}`)
/** What the samples say once they have their handler: on a busy machine that is long after the pod is Running. */
const READY = /^ready$/m
/** The last state of a pod's only container, and the reason, seen by a watch that began before the pod ended. */
async function endOf(name: string, end: () => Promise<unknown>): Promise<string> {
  const state = '.status.containerStatuses[0].state.terminated'
  const watch = shell.start(
    `kubectl get pod ${name} -w -o jsonpath='{.status.phase} {${state}.exitCode} {${state}.reason}{"\\n"}'`,
  )
  await watch.shown(/\n/)
  await end()
  // A watch on a pod that is gone goes on.
  await watch.shown(/^(Succeeded|Failed) /m)
  watch.stop()
  const lines = (await watch.ended).stdout.trim().split('\n')
  return lines.findLast((line) => /^(Succeeded|Failed) /.test(line)) ?? lines.join(' | ')
}

beforeAll(async () => {
  const image = (name: string, folder: string) => ['--image', `${name}=${join(root, 'examples/handbook', folder)}`]
  cluster = await startCluster({ args: [...image('my-app:latest', 'app'), ...image('python-app:latest', 'python')] })
  shell = new Shell(cluster.kubeconfig)
  await shell.until('kubectl get serviceaccount default', (ran) => ran.code === 0)
})
afterAll(async () => {
  shell?.close()
  await cluster?.stop()
})

describe('the ways to delete', () => {
  it('by name, by label, all, with the namespace', async () => {
    await shell.apply(pod('mypod') + pod('a', { labels: 'env: test' }) + pod('b', { labels: 'env: test' }) + pod('c'))
    await Promise.all(['mypod', 'a', 'b', 'c'].map((name) => running(name)))
    expect(await shell.ok('kubectl delete po mypod')).toBe('pod "mypod" deleted from default namespace\n')
    expect(await shell.ok('kubectl delete po -l env=test')).toBe(
      'pod "a" deleted from default namespace\npod "b" deleted from default namespace\n',
    )
    expect(await shell.ok('kubectl delete po --all')).toBe('pod "c" deleted from default namespace\n')
    expect((await shell.run('kubectl get po')).stderr).toBe('No resources found in default namespace.\n')
  })
})

describe('SIGTERM, grace period, SIGKILL', () => {
  it('--grace-period=5 waits five seconds for a process that ignores TERM, then kills it: 137', async () => {
    await shell.apply(pod('mypod', { command: STUBBORN }))
    await running('mypod')
    const started = performance.now()
    const end = await endOf('mypod', () => shell.ok('kubectl delete po mypod --grace-period=5'))
    expect(end).toBe('Failed 137 Error')
    expect(performance.now() - started).toBeGreaterThan(4_900)
  })

  it('a process that TERM ends has exit code 143', async () => {
    const command = `["sh", "-c", "trap 'exit 143' TERM; while :; do sleep 3600 & wait $!; done"]`
    await shell.apply(pod('mypod', { command, grace: 15 }))
    await running('mypod')
    expect(await shell.ok(`kubectl get po mypod -o jsonpath='{.spec.terminationGracePeriodSeconds}'`)).toBe('15')
    expect(await endOf('mypod', () => shell.ok('kubectl delete po mypod'))).toBe('Failed 143 Error')
  })

  it('without a handler PID 1 does not hear TERM: the whole grace, then 137', async () => {
    await shell.apply(pod('mypod', { command: '["sleep", "3600"]', grace: 2 }))
    await running('mypod')
    expect(await endOf('mypod', () => shell.ok('kubectl delete po mypod'))).toBe('Failed 137 Error')
  })

  it('--grace-period=0 --force removes the object at once, with a warning', async () => {
    await shell.apply(pod('mypod', { command: STUBBORN }))
    await running('mypod')
    const ran = await shell.run('kubectl delete po mypod --grace-period=0 --force')
    expect(ran.code).toBe(0)
    expect(ran.stdout).toBe('pod "mypod" force deleted from default namespace\n')
    expect(ran.stderr).toContain('Warning: Immediate deletion does not wait for confirmation')
    expect((await shell.run('kubectl get po mypod')).stderr).toContain('pods "mypod" not found')
  })
})

describe('preStop hooks and handlers', () => {
  const hooked = (name: string, hook: string) => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
spec:
  containers:
  - name: app
    image: my-app:latest
    lifecycle:
      preStop:
${hook}
  terminationGracePeriodSeconds: 30
`

  it('httpGet: the hook is called before TERM, and both are in the log', async () => {
    await shell.apply(hooked('my-app', '        httpGet:\n          path: /shutdown\n          port: 8080'))
    await running('my-app')
    const log = follow('my-app')
    await log.shown(READY)
    expect(await endOf('my-app', () => shell.ok('kubectl delete po my-app'))).toBe('Succeeded 0 Completed')
    const lines = (await log.ended).stdout
    expect(lines).toContain('GET /shutdown')
    expect(lines.indexOf('GET /shutdown')).toBeLessThan(lines.indexOf('SIGTERM'))
  })

  it('the Node.js handler stops taking connections, finishes its work and exits 0', async () => {
    await shell.apply(hooked('my-app', '        sleep: {seconds: 1}'))
    await running('my-app')
    const log = follow('my-app')
    await log.shown(READY)
    expect(await endOf('my-app', () => shell.ok('kubectl delete po my-app'))).toBe('Succeeded 0 Completed')
    const lines = (await log.ended).stdout
    expect(lines).toContain('SIGTERM 신호를 받았습니다. Graceful shutdown 시작...')
    expect(lines).toContain('HTTP 서버 종료 완료')
    expect(lines).toContain('Graceful shutdown 완료')
  })

  it('the Python handler does likewise', async (context) => {
    if ((await shell.run('command -v python3')).code !== 0) context.skip('python3 is not installed')
    await shell.apply(hooked('py', '        sleep: {seconds: 0}').replace('my-app:latest', 'python-app:latest'))
    await running('py')
    const log = follow('py')
    await log.shown(READY)
    expect(await endOf('py', () => shell.ok('kubectl delete po py'))).toBe('Succeeded 0 Completed')
    expect((await log.ended).stdout).toContain('Graceful shutdown 완료')
  })

  it('exec with nginx: quits gracefully, and the hook ends when nginx is gone', async (context) => {
    for (const program of ['nginx', 'killall'])
      if ((await shell.run(`PATH=$PATH:/usr/sbin command -v ${program}`)).code !== 0)
        context.skip(`${program} is not installed`)
    const nginx = await startCluster({ args: ['--image', `my-app:latest=${join(root, 'examples/handbook/nginx')}`] })
    const other = new Shell(nginx.kubeconfig)
    try {
      await other.until('kubectl get serviceaccount default', (ran) => ran.code === 0)
      const command = '["/bin/sh", "-c", "nginx -s quit; while killall -0 nginx; do sleep 1; done"]'
      await other.apply(hooked('my-app', `        exec:\n          command: ${command}`))
      await other.ok('kubectl wait --for=condition=Ready pod/my-app --timeout=20s')
      await other.ok('kubectl delete po my-app')
      // The hook ends it, long before the grace is over: nginx, which is PID 1, quits and takes the hook's shell along.
      const trace = await other.ok('kubectl get --raw /ebb/v1/trace')
      const steps = trace.split('\n').flatMap((line) => {
        const { at, component, step, object, detail } = JSON.parse(line || '{}')
        return component === 'kubelet' && object === 'pod default/my-app' ? [{ at, step, code: detail?.code }] : []
      })
      const seen = steps.findIndex(({ step }) => step === 'delete-seen')
      expect(steps[seen + 1]?.step).toBe('prestop-started')
      const exited = steps.find(({ step }) => step === 'container-exited')
      expect(exited?.code).toBe(0)
      expect(exited?.at - steps[seen + 1]?.at).toBeLessThan(20_000)
    } finally {
      other.close()
      await nginx.stop()
    }
  })
})

describe('before and while deleting', () => {
  it('get, labels, describe, logs to a file', async () => {
    await shell.apply(pod('mypod', { labels: 'app: myapp, env: test' }))
    await running('mypod')
    expect(await shell.ok('kubectl get po')).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE\nmypod +1\/1 +Running +0 +\d+s\n$/,
    )
    expect(await shell.ok('kubectl get po --show-labels')).toMatch(/app=myapp,env=test/)
    const described = await shell.ok('kubectl describe po mypod')
    expect(described).toMatch(/Status: +Running/)
    expect(described).toMatch(/Normal +Started +\S+ +kubelet .*Container started/)
    await shell.ok('kubectl logs mypod > pod-logs-backup.txt')
    expect(readFileSync(join(shell.folder, 'pod-logs-backup.txt'), 'utf8')).toMatch(/^hello from /)
  })

  it('--dry-run=client deletes nothing', async () => {
    expect(await shell.ok('kubectl delete po -l app=myapp --dry-run=client')).toBe(
      'pod "mypod" deleted from default namespace (dry run)\n',
    )
    expect(await shell.ok('kubectl get po mypod -o name')).toBe('pod/mypod\n')
  })

  it('--wait=false returns at once, --wait=true when it is gone', async () => {
    await shell.apply(pod('slow', { command: STUBBORN, grace: 3 }))
    await running('slow')
    expect(await shell.ok('kubectl delete po slow --wait=false')).toBe('pod "slow" deleted from default namespace\n')
    expect(await shell.ok('kubectl get po slow')).toMatch(/slow +1\/1 +Terminating/)
    expect(await shell.ok('kubectl delete po slow --wait=true')).toBe('pod "slow" deleted from default namespace\n')
    expect((await shell.run('kubectl get po slow')).code).toBe(1)
  })

  it('get -w shows the end as it goes; events are kept for the pod', async () => {
    const watch = shell.start('kubectl get po -w')
    await watch.shown(/mypod +1\/1 +Running/)
    await shell.ok('kubectl delete po mypod')
    const end = /mypod +1\/1 +Running[\s\S]*mypod +1\/1 +Terminating[\s\S]*mypod +0\/1 +Completed/
    await watch.shown(end)
    watch.stop()
    expect((await watch.ended).stdout).toMatch(end)
    const events = await shell.ok('kubectl get events --field-selector involvedObject.name=mypod')
    for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started', 'Killing']) expect(events).toContain(reason)
  })
})

describe('namespaces and everything in them', () => {
  it('the namespace takes its pods, services, config maps and secrets with it', async () => {
    await shell.ok('kubectl create namespace custom-namespace')
    await shell.until('kubectl get sa default -n custom-namespace', (ran) => ran.code === 0)
    await shell.ok('kubectl apply -n custom-namespace -f -', pod('mypod'))
    await shell.ok('kubectl create configmap cm --from-literal=a=b -n custom-namespace')
    await running('mypod', 'custom-namespace')
    expect(await shell.ok('kubectl delete po --all -n custom-namespace')).toContain('pod "mypod" deleted')
    expect(await shell.ok('kubectl delete ns custom-namespace')).toBe('namespace "custom-namespace" deleted\n')
    expect((await shell.run('kubectl get cm cm -n custom-namespace')).code).toBe(1)
  })

  it('pods of a ReplicationController come back', async () => {
    await shell.apply(rc('kubia', 1))
    await shell.until('kubectl get pods', (ran) => /kubia-\w+ +1\/1 +Running/.test(ran.stdout))
    const before = (await shell.ok('kubectl get pods -o name')).trim()
    const deleted = shell.ok('kubectl delete po --all')
    const both = await shell.until(
      'kubectl get pods',
      (ran) => /Running/.test(ran.stdout) && /Terminating/.test(ran.stdout),
    )
    expect(both.stdout.split('\n').filter((line) => line.startsWith('kubia-'))).toHaveLength(2)
    expect(`pod "${before.slice(4)}" deleted from default namespace\n`).toBe(await deleted)
  })

  it('all --all takes pods, controllers and services; the kubernetes Service comes back; secrets and config maps stay', async () => {
    await shell.ok('kubectl create service clusterip kubia-http --tcp=80:8080')
    await shell.ok('kubectl create configmap keep --from-literal=a=b')
    await shell.ok('kubectl create secret generic keep --from-literal=a=b')
    const uid = await shell.ok(`kubectl get svc kubernetes -o jsonpath='{.metadata.uid}'`)
    const out = await shell.ok('kubectl delete all --all')
    expect(out).toMatch(/pod "kubia-\w+" deleted/)
    expect(out).toContain('replicationcontroller "kubia" deleted')
    expect(out).toContain('service "kubernetes" deleted')
    expect(out).toContain('service "kubia-http" deleted')
    const again = await shell.until(`kubectl get svc kubernetes -o jsonpath='{.metadata.uid}'`, (ran) => ran.code === 0)
    expect(again.stdout).not.toBe(uid)
    expect(await shell.ok('kubectl get secret keep -o name')).toBe('secret/keep\n')
    expect(await shell.ok('kubectl get configmap keep -o name')).toBe('configmap/keep\n')
    await shell.until('kubectl get po', (ran) => /No resources found/.test(ran.all), 40)
  })

  it('what "all" leaves is deleted by its type', async () => {
    expect(await shell.ok('kubectl delete secrets --all')).toContain('secret "keep" deleted')
    expect(await shell.ok('kubectl delete configmaps --all')).toContain('configmap "keep" deleted')
    await shell.until('kubectl get configmap kube-root-ca.crt', (ran) => ran.code === 0)
    expect(await shell.run('kubectl delete pvc --all')).toMatchObject({ code: 0, stdout: 'No resources found\n' })
  })
})

describe('troubleshooting', () => {
  it('a finalizer holds a pod that has ended; it is shown, and patched away', async () => {
    await shell.apply(pod('mypod', { finalizers: 'example.com/hold' }))
    await running('mypod')
    expect((await shell.run('kubectl delete po mypod --timeout=4s')).stderr).toContain('timed out waiting')
    expect(await shell.ok('kubectl get po mypod -o yaml | grep finalizers -A 5')).toContain('- example.com/hold')
    expect(await shell.ok(`kubectl patch po mypod -p '{"metadata":{"finalizers":null}}'`)).toBe('pod/mypod patched\n')
    await shell.until('kubectl get po mypod', (ran) => ran.code === 1)
  })

  it('the state of claims and nodes is shown', async () => {
    expect((await shell.run('kubectl get pvc')).stderr).toBe('No resources found in default namespace.\n')
    expect(await shell.ok('kubectl get nodes')).toMatch(/ +Ready +/)
  })

  it('the controller behind pods that return is found and deleted', async () => {
    await shell.apply(replicas('Deployment', 'web') + replicas('ReplicaSet', 'myrs') + rc('myrc', 1))
    await shell.until('kubectl get po', (ran) => (ran.stdout.match(/1\/1 +Running/g) ?? []).length === 3)
    const all = await shell.ok('kubectl get all')
    for (const name of ['deployment.apps/web', 'replicaset.apps/myrs', 'replicationcontroller/myrc'])
      expect(all).toContain(name)
    const names = async () => (await shell.ok('kubectl get po -o name')).trim().split('\n')
    const before = await names()
    await shell.ok('kubectl delete po --all')
    await shell.until('kubectl get po', (ran) => (ran.stdout.match(/1\/1 +Running/g) ?? []).length === 3)
    const after = await names()
    expect(after.map((name) => name.replace(/-\w+$/, '')).sort()).toEqual(
      before.map((name) => name.replace(/-\w+$/, '')).sort(),
    )
    expect(after.filter((name) => before.includes(name))).toEqual([])
    expect(await shell.ok('kubectl delete deployment web')).toBe(
      'deployment.apps "web" deleted from default namespace\n',
    )
    expect(await shell.ok('kubectl delete rs myrs')).toBe('replicaset.apps "myrs" deleted from default namespace\n')
    expect(await shell.ok('kubectl delete rc myrc')).toBe(
      'replicationcontroller "myrc" deleted from default namespace\n',
    )
    await shell.until('kubectl get po', (ran) => /No resources found/.test(ran.all), 40)
  })

  it('a namespace stuck on a finalizer is looked through, and freed by finalize', async () => {
    await shell.apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: my-namespace}\n')
    await shell.until('kubectl get sa default -n my-namespace', (ran) => ran.code === 0)
    await shell.ok(
      'kubectl apply -f -',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, namespace: my-namespace, finalizers: [example.com/hold]}\n',
    )
    expect((await shell.run('kubectl delete ns my-namespace --timeout=8s')).code).toBe(1)
    expect(await shell.ok('kubectl get ns my-namespace')).toMatch(/my-namespace +Terminating/)
    expect((await shell.run('kubectl get all -n my-namespace')).stderr).toContain('No resources found')
    const left = await shell.ok(
      'kubectl api-resources --verbs=list --namespaced -o name | xargs -n 1 kubectl get --show-kind --ignore-not-found -n my-namespace',
    )
    expect(left).toMatch(/configmap\/held/)
    await shell.ok('kubectl get ns my-namespace -o json > temp.json')
    const namespace = JSON.parse(readFileSync(join(shell.folder, 'temp.json'), 'utf8'))
    namespace.spec.finalizers = []
    shell.write('temp.json', JSON.stringify(namespace))
    await shell.ok('kubectl replace --raw "/api/v1/namespaces/my-namespace/finalize" -f ./temp.json')
    expect((await shell.run('kubectl get ns my-namespace')).code).toBe(1)
  })
})

describe('the handbook itself', () => {
  it('has no command that was not run', (context) => {
    const folder = reference('handbook')
    if (!folder) return context.skip(absent('handbook/pod-deletion.ko.md'))
    const text = readFileSync(join(folder, 'pod-deletion.ko.md'), 'utf8')
    const commands = [...text.matchAll(/^\$ (kubectl .*)$/gm)].map((m) => shape(m[1] as string))
    const ran = new Set([...shell.history].map(shape))
    const waiting = new Set(WAITING_FOR_WORKLOADS.map(shape))
    expect([...new Set(commands)].filter((c) => !ran.has(c) && !waiting.has(c))).toEqual([])
  })
})

/** Commands of passages that wait for claims and lost nodes. */
const WAITING_FOR_WORKLOADS = ['kubectl delete pvc <pvc-name> --grace-period=0 --force']

/** A command with its names made one, so that `<pod-name>` and `mypod` are the same. */
function shape(command: string): string {
  return command
    .replace(/\b(mypod|slow|a|b|c|py|my-app|kubia|web|myrs|myrc|keep|held)\b(?!=)/g, '<name>')
    .replace(/<[\w-]+>/g, '<name>')
    .replace(/(custom|my)-namespace/g, '<name>')
    .replace(/\s+/g, ' ')
    .trim()
}
