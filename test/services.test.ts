/** Services by address, between pods, programs in a node's own network and nodes: with real programs, over the real rules. */
import { beforeAll, expect, it, type TestContext } from 'vitest'
import { cluster, shell, useCluster } from './one-cluster.ts'

/** Answers each connection and each datagram with its own name. */
const SERVER = `require('net').createServer(s => { s.on('error', () => {}); s.end('tcp ' + process.env.HOSTNAME) }).listen(8080)
const u = require('dgram').createSocket('udp4'); u.on('message', (_, r) => u.send('udp ' + process.env.HOSTNAME, r.port, r.address)); u.bind(8080)`
const ASK = {
  tcp: `const s = require('net').connect(process.argv[2], process.argv[1]); s.on('data', d => console.log(String(d))); s.on('error', e => console.log(e.code))`,
  udp: `const s = require('dgram').createSocket('udp4'); s.on('message', d => { console.log(String(d)); process.exit() }); s.bind(0, () => setInterval(() => s.send('x', process.argv[2], process.argv[1]), 200))`,
}

const address: Record<string, string> = {}

const pod = (name: string, node: string, command: string, more = '') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {app: ${name.slice(0, 1)}}}\nspec:\n  terminationGracePeriodSeconds: 1\n  nodeName: ${node}\n${more}  containers:\n  - {name: app, image: x, command: ${JSON.stringify(['node', '-e', command])}}\n---\n`
const WAIT = 'setInterval(() => {}, 1e6)'
const get = (what: string, path: string) => shell.ok(`kubectl get ${what} -o jsonpath='${path}'`)

useCluster({ args: ['--nodes', '2'] })
beforeAll(async () => {
  const pods = [pod('s1', 'ebb-1', SERVER), pod('s2', 'ebb-2', SERVER), pod('client', 'ebb-1', WAIT)]
  await shell.apply(`${pods.join('')}${pod('host', 'ebb-1', WAIT, '  hostNetwork: true\n')}`)
  await shell.ok('kubectl wait --for=condition=Ready pod --all --timeout=30s')
  for (const name of ['s1', 's2']) address[name] = await get(`pod ${name}`, '{.status.podIP}')
  for (const name of ['ebb-1', 'ebb-2']) address[name] = await get(`node ${name}`, '{.status.addresses[0].address}')
})
function needsNamespaces(context: TestContext): void {
  if (/degraded: This node has no namespaces|instead of nftables/.test(cluster.output()))
    context.skip('no namespaces or no nftables on this machine')
}

const ask = async (from: string, protocol: 'tcp' | 'udp', to: string, port: string | number) =>
  (await shell.ok(`kubectl exec ${from} -- timeout 10 node -e "${ASK[protocol]}" ${to} ${port}`)).trim()

it('pods of any node are reached by TCP and by UDP, from pods and from a program in the network of a node', async (context) => {
  needsNamespaces(context)
  for (const from of ['client', 'host'])
    for (const to of ['s1', 's2'])
      for (const protocol of ['tcp', 'udp'] as const)
        expect(await ask(from, protocol, address[to] as string, 8080)).toBe(`${protocol} ${to}`)
})

it('one number for TCP and UDP, in a Service whose clients keep their backend, also at its node port', async (context) => {
  needsNamespaces(context)
  await shell.apply(
    `{apiVersion: v1, kind: Service, metadata: {name: both}, spec: {type: NodePort, sessionAffinity: ClientIP, selector: {app: s}, ports: [{name: t, port: 80, targetPort: 8080, nodePort: 30080}, {name: u, protocol: UDP, port: 80, targetPort: 8080, nodePort: 30080}]}}`,
  )
  await shell.until(`kubectl get endpointslices -l kubernetes.io/service-name=both -o yaml`, (ran) =>
    Object.values(address)
      .slice(0, 2)
      .every((ip) => ran.stdout.includes(ip)),
  )
  const targets = [
    [await get('service both', '{.spec.clusterIP}'), 80],
    [address['ebb-1'], 30080],
    [address['ebb-2'], 30080],
  ] as const
  for (const [to, port] of targets) {
    await shell.until(`kubectl exec client -- timeout 5 node -e "${ASK.tcp}" ${to} ${port}`, (ran) =>
      /^tcp s/.test(ran.stdout),
    )
    for (const from of ['client', 'host'])
      for (const protocol of ['tcp', 'udp'] as const) {
        const four = `for i in 1 2 3 4; do timeout 10 node -e "${ASK[protocol].replaceAll("'", '\\"')}" ${to} ${port}; done`
        const answers = new Set((await shell.ok(`kubectl exec ${from} -- sh -c '${four}'`)).trim().split('\n'))
        expect(answers.size).toBe(1)
        expect([...answers][0]).toMatch(new RegExp(`^${protocol} s[12]$`))
      }
  }
})

it('a Service that changes its type is reached where it says, and no longer where it was', async (context) => {
  needsNamespaces(context)
  const patch = (spec: object) => shell.ok(`kubectl patch service turns --type=merge -p '${JSON.stringify({ spec })}'`)
  const reached = (to: string, port: string | number, answer: RegExp) =>
    shell.until(`kubectl exec client -- timeout 2 node -e "${ASK.tcp}" ${to} ${port}`, (ran) => answer.test(ran.stdout))
  const unreached = (to: string, port: string | number) =>
    shell.until(
      `kubectl exec client -- timeout 2 node -e "${ASK.tcp}" ${to} ${port}`,
      (ran) => !/tcp s/.test(ran.stdout),
    )
  await shell.apply(
    '{apiVersion: v1, kind: Service, metadata: {name: turns}, spec: {type: ExternalName, externalName: a.example}}',
  )
  await patch({
    type: 'ClusterIP',
    externalName: null,
    selector: { app: 's' },
    ports: [{ port: 80, targetPort: 8080 }],
  })
  const clusterIP = await get('service turns', '{.spec.clusterIP}')
  await reached(clusterIP, 80, /^tcp s/)
  await patch({ type: 'NodePort' })
  const nodePort = await get('service turns', '{.spec.ports[0].nodePort}')
  await reached(address['ebb-2'] as string, nodePort, /^tcp s/)
  await reached(clusterIP, 80, /^tcp s/)
  await patch({ type: 'ExternalName', externalName: 'b.example' })
  expect(await get('service turns', '{.spec.clusterIP}{.spec.ports[0].nodePort}')).toBe('')
  await unreached(clusterIP, 80)
  await unreached(address['ebb-2'] as string, nodePort)
  await patch({ type: 'NodePort', externalName: null })
  await reached(address['ebb-1'] as string, await get('service turns', '{.spec.ports[0].nodePort}'), /^tcp s/)
})
