/** Real credentials with the real kubectl: what a node's token is good for, and who may act as whom. */
import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { WORLD_VARIABLE } from '../src/kubelet/runtimes/process/world.ts'
import { NODE_CONFIG_VARIABLE, type NodeConfig } from '../src/main/node-config.ts'
import { cluster, shell, useCluster } from './one-cluster.ts'
import { processesWith } from './processes.ts'
import type { Shell } from './shell.ts'

useCluster({ args: ['--nodes', '2'], token: `identities-${process.pid}` })

/** kubectl with nothing but this token. */
function as(token: string): (command: string) => ReturnType<Shell['run']> {
  const user = { user: { token } }
  const where = { cluster: { server: cluster.url, 'insecure-skip-tls-verify': true } }
  const file = shell.write(
    `${token.slice(-12)}.json`,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      clusters: [{ name: 'x', ...where }],
      users: [{ name: 'x', ...user }],
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    }),
  )
  return (command) => shell.run(`kubectl --kubeconfig=${file} ${command}`)
}

/** What the processes of the nodes were told at their start, by node. */
function nodeConfigs(): Map<string, NodeConfig> {
  const found = new Map<string, NodeConfig>()
  for (const pid of processesWith(`/${cluster.pid}/api.sock`)) {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    const value = (name: string) => variables.find((v) => v.startsWith(`${name}=`))?.slice(name.length + 1)
    const [config, world] = [value(NODE_CONFIG_VARIABLE), value(WORLD_VARIABLE)]
    if (config && world) found.set(JSON.parse(world).nodeName, JSON.parse(config))
  }
  return found
}

const pod = (name: string, node: string) => `
apiVersion: v1
kind: Secret
metadata: {name: of-${name}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}}
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeName: ${node}
  serviceAccountName: ${name}
  terminationGracePeriodSeconds: 1
  volumes: [{name: s, secret: {secretName: of-${name}}}]
  containers: [{name: app, image: ebb/echo, volumeMounts: [{name: s, mountPath: /var/s}]}]
---`

describe("a node's own token", () => {
  let one: ReturnType<typeof as>

  beforeAll(async () => {
    await shell.apply(pod('first', 'ebb-1') + pod('second', 'ebb-2'))
    await shell.ok('kubectl wait --for=condition=Ready pod/first pod/second --timeout=30s')
    one = as(nodeConfigs().get('ebb-1')?.token ?? '')
  })

  it('is one of each node', async () => {
    const tokens = [...nodeConfigs().values()].map(({ token }) => token)
    expect(new Set(tokens).size).toBe(2)
    expect((await one('auth whoami')).stdout).toMatch(
      /Username +system:node:ebb-1\nGroups +\[system:nodes system:authenticated\]/,
    )
  })

  it.each([
    'get secret of-first',
    'get pod first',
    'get pods -A --field-selector spec.nodeName=ebb-1',
    'get node ebb-1',
    'get services -A',
    'get lease -n kube-node-lease ebb-1',
    'annotate node ebb-1 seen=yes',
  ])('may: kubectl %s', async (command) => {
    expect(await one(command)).toMatchObject({ code: 0 })
  })

  it.each([
    ['get secret of-second', "no relationship found between node 'ebb-1' and this object"],
    ['get secrets -A', 'can only read namespaced object of this type'],
    ['get pods -A', 'can only list/watch pods with spec.nodeName field selector'],
    ['get pod second', "no relationship found between node 'ebb-1' and this object"],
    ['get nodes', "node 'ebb-1' cannot read all nodes, only its own Node object"],
    ['get lease -n kube-node-lease ebb-2', 'can only access node lease with the same name'],
    [
      'label node ebb-1 node-restriction.kubernetes.io/x=y',
      'is not allowed to modify labels: node-restriction.kubernetes.io/x',
    ],
    ['taint node ebb-1 x=y:NoSchedule', 'is not allowed to modify taints'],
    ['delete pod second', 'can only delete pods with spec.nodeName set to itself'],
    ['create token second --bound-object-kind Pod --bound-object-name second', 'no relationship found'],
    ['create token first', 'node requested token not bound to a pod'],
    ['run another --image=ebb/echo', 'can only create mirror pods'],
    ['exec first -- id', 'cannot create resource "pods/exec"'],
    [
      'create clusterrolebinding x --clusterrole=cluster-admin --user=system:node:ebb-1',
      'cannot create resource "clusterrolebindings"',
    ],
    ['get --raw /ebb/v1/trace', 'cannot get path "/ebb/v1/trace"'],
    ['get pods --as=kubernetes-admin --as-group=system:masters', 'cannot impersonate'],
  ])('may not: kubectl %s', async (command, why) => {
    const ran = await one(command)
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringMatching(/[Ff]orbidden/)])
    expect(ran.stderr).toContain(why)
  })

  it("its proxy's sees Services and their endpoints, and nothing to keep to itself", async () => {
    const proxy = as(nodeConfigs().get('ebb-1')?.proxyToken ?? '')
    for (const what of ['services', 'endpointslices', 'nodes']) expect((await proxy(`get ${what} -A`)).code).toBe(0)
    for (const command of ['get secrets -A', 'get pods -A', 'delete service kubernetes', 'annotate node ebb-1 a=b'])
      expect((await proxy(command)).stderr).toContain('Forbidden')
  })

  it('stands on no command line, nor does the administrator’s', () => {
    const secrets = [cluster.token, ...[...nodeConfigs().values()].flatMap((c) => [c.token, c.proxyToken])]
    expect(secrets).toHaveLength(5)
    const lines = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        } catch {
          return ''
        }
      })
    for (const secret of secrets)
      expect(lines.filter((line) => line.includes(secret)).map((line) => line.replaceAll('\0', ' '))).toEqual([])
  })
})

describe('service accounts with roles', () => {
  const tokenOf = async (name: string, rules: string) => {
    await shell.apply(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ${name}}
rules: ${rules}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ${name}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${name}}
subjects: [{kind: ServiceAccount, namespace: default, name: ${name}}]
`)
    return as((await shell.ok(`kubectl create token ${name}`)).trim())
  }

  it('act as whom they may act as, and as nobody else', async () => {
    const operator = await tokenOf(
      'operator',
      '[{apiGroups: [""], resources: [users], resourceNames: [bob], verbs: [impersonate]}, {apiGroups: [""], resources: [groups], resourceNames: ["cn=devs,o=acme"], verbs: [impersonate]}]',
    )
    expect((await operator('auth whoami --as=bob')).stdout).toMatch(/Username +bob\nGroups +\[system:authenticated\]/)
    const inGroup = await operator("auth whoami --as=bob --as-group='cn=devs,o=acme'")
    expect(inGroup.stdout).toMatch(/Groups +\[cn=devs,o=acme system:authenticated\]/)
    for (const [flags, what] of [
      ['--as=alice', 'resource "users"'],
      ['--as=bob --as-group=system:masters', 'resource "groups"'],
      ["--as=bob --as-group='cn=devs,o=acme' --as-group=system:nodes", 'resource "groups"'],
      ['--as=bob --as-uid=1', 'resource "uids"'],
      ['--as=system:serviceaccount:kube-system:default', 'resource "serviceaccounts"'],
      ['--as=system:node:ebb-1', 'resource "users"'],
    ] as const)
      expect([flags, (await operator(`get pods ${flags}`)).stderr]).toEqual([flags, expect.stringContaining(what)])
  })

  it('the administrator as anybody, with all that belongs to him', async () => {
    const whole = '--as=alice --as-group=devs --as-uid=u1'
    expect(await shell.ok(`kubectl auth whoami ${whole}`)).toMatch(
      /Username +alice\nUID +u1\nGroups +\[devs system:authenticated\]/,
    )
    expect(await shell.ok('kubectl auth whoami --as=system:serviceaccount:default:operator')).toMatch(
      /Groups +\[system:serviceaccounts system:serviceaccounts:default system:authenticated\]/,
    )
  })

  it('who may read exec does not run anything, who may create does', async () => {
    const pods = '{apiGroups: [""], resources: [pods], verbs: [get]}'
    const streams = (verbs: string) =>
      `{apiGroups: [""], resources: [pods/exec, pods/attach, pods/portforward], verbs: [${verbs}]}`
    const reader = await tokenOf('reader', `[${pods}, ${streams('get, list, watch')}]`)
    const refused = await reader('exec first -- echo hello')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('cannot create resource "pods/exec"')])
    const runner = await tokenOf('runner', `[${pods}, ${streams('get, create')}]`)
    expect(await runner('exec first -- echo hello')).toMatchObject({ code: 0, stdout: 'hello\n' })
  })

  it('give nobody more than they have', async () => {
    const writer = await tokenOf(
      'writer',
      '[{apiGroups: [rbac.authorization.k8s.io], resources: ["*"], verbs: [create, get]}]',
    )
    const ran = await writer('create role big --verb=get --resource=secrets')
    expect(ran.stderr).toContain(
      'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    )
    const bound = await writer('create rolebinding me --clusterrole=admin --serviceaccount=default:writer')
    expect(bound.stderr).toContain('is attempting to grant RBAC permissions not currently held')
  })

  it('what their tokens are bound to is told to who asks, and ends them', async () => {
    const token = (
      await shell.ok('kubectl create token first --bound-object-kind Pod --bound-object-name first')
    ).trim()
    const first = as(token)
    expect((await first('auth whoami -o yaml')).stdout).toMatch(
      /authentication\.kubernetes\.io\/node-name:\n +- ebb-1\n[\s\S]*authentication\.kubernetes\.io\/pod-name:\n +- first\n/,
    )
    await shell.ok('kubectl delete pod first')
    expect((await first('auth whoami')).stderr).toContain('Unauthorized')
  })
})
