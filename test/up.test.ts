/** `ebb up`, `status`, `url`, `down` as a person types them: what they print, what they refuse, what they leave behind. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StartedCluster, startCluster } from '../tools/golden/cluster.mjs'
import { root } from '../tools/golden/reference.mjs'
import { gone, processesWith } from './processes.ts'
import { Shell } from './shell.ts'

const EBB = join(root, 'dist/ebb.mjs')
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-up-'))
})
afterAll(() => {
  // Those that a failed test left in the background.
  for (const pid of processesWith(folder)) process.kill(Number(pid), 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Result {
  readonly code: number | null
  readonly out: string
}

function ebb(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [EBB, ...args], { env: { ...process.env, LANG: 'C', ...env } })
    let out = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (out += text))
    child.on('close', (code) => resolve({ code, out }))
  })
}

describe('ebb says what is wrong in a sentence', () => {
  it.skipIf(process.getuid?.() !== 0).each(['up', 'down', 'status', 'url'])(
    'a run folder that another user made beforehand: %s',
    async (verb) => {
      const shared = mkdtempSync(join(folder, 'shared-'))
      chmodSync(shared, 0o1777)
      mkdirSync(join(shared, 'ebb-0', '1'), { recursive: true, mode: 0o700 })
      writeFileSync(join(shared, 'ebb-0', '1', 'ebb.json'), '{}')
      chownSync(join(shared, 'ebb-0'), 65534, 65534)
      const args = { up: ['--ephemeral', '--no-node', '--port', '0'], url: ['service/web'] }[verb] ?? []
      const { code, out } = await ebb([verb, ...args], { XDG_RUNTIME_DIR: '', TMPDIR: shared })
      expect(out).toMatch(/ebb-0 .*\(it belongs to another user\).*XDG_RUNTIME_DIR/)
      expect(code).toBe(1)
      expect(existsSync(join(shared, 'ebb-0', '1', 'ebb.json'))).toBe(true)
    },
  )

  it('places where no folder can be', async () => {
    const run = await ebb(['up', '--ephemeral', '--no-node', '--port', '0'], { XDG_RUNTIME_DIR: '/proc' })
    expect(run.out).toMatch(/cannot be kept in \/proc\/ebb \(.*XDG_RUNTIME_DIR/)
    const data = await ebb(['up', '--no-node', '--port', '0', '--data', '/proc/ebb/data'])
    expect(data.out).toMatch(/the data folder \/proc\/ebb\/data cannot be used/)
    const file = ['up', '--ephemeral', '--no-node', '--port', '0', '--kubeconfig', '/proc/ebb/kubeconfig']
    expect((await ebb(file)).out).toMatch(/cannot be written to \/proc\/ebb\/kubeconfig/)
  })

  it.each([
    [['up', '--port', '70000'], '--port 70000: must be a whole number from 0 to 65535'],
    [['up', '--nodes', 'two'], '--nodes two: must be a whole number from 1 to 50'],
    [['up', '--image', 'my-app'], '--image my-app: write it as REFERENCE=PATH'],
    [
      ['up', '--ephemeral', '--port', '0', '--image', 'a=/nowhere'],
      '--image a=/nowhere: there is no such file or folder',
    ],
    [['up', '--ephemeral', '--port', '0', '--image', 'a=/usr/share'], 'add an ebb.json such as'],
    [['up', '--data', '/tmp/x', '--ephemeral'], '--data and --ephemeral exclude each other'],
    [['url', 'web'], 'web: write it as service/NAME'],
    [['url', 'pod/web'], 'a pod needs its port'],
    [['up', '--nodes', '2', '--no-node'], '--nodes and --no-node exclude each other'],
    [['upp'], 'there is no command "upp"\n(did you mean up?)'],
    [['up', '--prot', '1'], 'there is no option --prot\n(did you mean --port?)'],
    [['status', '--lang', 'fr'], '--lang fr: must be en or ko'],
  ])('%j', async (args, message) => {
    const { code, out } = await ebb(args)
    expect(out).toContain(message)
    expect(out).not.toContain('    at ')
    expect(code).toBeGreaterThan(0)
  })

  it('and in Korean', async () => {
    const env = { LANG: 'ko_KR.UTF-8' }
    expect((await ebb(['up', '--port', '70000'], env)).out).toContain('0 이상 65535 이하의 정수여야 합니다')
    expect((await ebb(['upp'], env)).out).toContain('"upp" 명령은 없습니다\n(혹시 up 인가요?)')
    expect((await ebb(['down'], { ...env, XDG_RUNTIME_DIR: folder })).out).toContain('실행 중인 ebb가 없습니다')
    expect((await ebb(['up', '--help'], env)).out).toMatch(/^사용법: ebb up/)
  })

  it('a port that is taken', async () => {
    const server: Server = createServer()
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    )
    const { code, out } = await ebb(['up', '--ephemeral', '--no-node', '--port', String(port)])
    server.close()
    expect(out).toContain(`port ${port} is taken`)
    expect(code).toBe(1)
  })

  it("somebody's kubeconfig is not overwritten", async () => {
    const file = join(folder, 'config')
    writeFileSync(file, 'apiVersion: v1\nkind: Config\n')
    const { code, out } = await ebb(['up', '--ephemeral', '--no-node', '--port', '0', '--kubeconfig', file])
    expect(out).toContain(`${file} was not written by ebb and stays as it is`)
    expect(readFileSync(file, 'utf8')).toBe('apiVersion: v1\nkind: Config\n')
    expect(code).toBe(1)
  })

  it('a data folder that is not ours is not touched', async () => {
    const data = join(folder, 'foreign')
    execFileSync('mkdir', ['-p', join(data, 'store')])
    writeFileSync(join(data, 'store', 'thesis.txt'), 'years of work')
    const { code, out } = await ebb(['up', '--no-node', '--port', '0', '--data', data])
    expect(out).toContain('it holds something else')
    expect(readdirSync(data, { recursive: true }).sort()).toEqual(['store', 'store/thesis.txt'])
    expect(code).toBe(1)
    writeFileSync(join(folder, 'mine.txt'), 'mine')
    const midst = await ebb(['up', '--no-node', '--port', '0', '--data', folder])
    expect(midst.out).toMatch(/is not a data folder of ebb: it holds .*choose another with --data/)
    expect(midst.code).toBe(1)
  })

  it.each(['server.crt', 'server.key', 'sa.key'])('a damaged %s in the data folder', async (name) => {
    const data = join(folder, `pki-${name}`)
    const started = await ebb(['up', '--no-node', '--port', '0', '--data', data, '--detach'], {
      XDG_RUNTIME_DIR: folder,
    })
    expect(started.code, started.out).toBe(0)
    await ebb(['down'], { XDG_RUNTIME_DIR: folder })
    writeFileSync(join(data, 'pki', name), 'garbage')
    const { code, out } = await ebb(['up', '--no-node', '--port', '0', '--data', data])
    expect(out).toMatch(/pki are damaged: move that folder away/)
    expect(out).not.toContain('    at ')
    expect(code).toBe(1)
  })

  it('a data folder or a kubeconfig that cannot be', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const data = await ebb(['up', '--no-node', '--port', '0', '--data', file])
    expect(data.out).toContain(`the data folder ${file} cannot be used (not a folder)`)
    const kubeconfig = await ebb(['up', '--no-node', '--ephemeral', '--port', '0', '--kubeconfig', folder])
    expect(kubeconfig.out).toContain(`the kubeconfig cannot be written to ${folder} (it is a folder)`)
    expect([data.code, kubeconfig.code]).toEqual([1, 1])
  })
})

describe('ebb ends when asked, whenever that is', () => {
  it.each([0, 60, 120, 180, 240, 300])('%i ms after its start', async (ms) => {
    const env = { XDG_RUNTIME_DIR: folder, LANG: 'C' }
    const child = spawn(process.execPath, [EBB, 'up', '--ephemeral', '--port', '0'], {
      env: { ...process.env, ...env },
    })
    const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)))
    await new Promise((resolve) => setTimeout(resolve, ms))
    child.kill('SIGTERM')
    // Before its handlers stand the signal itself ends it.
    expect([0, 'SIGTERM']).toContain(await ended)
    await gone(() => processesWith(join(folder, 'ebb', String(child.pid))))
    await gone(() => (existsSync(join(folder, 'ebb')) ? [join(folder, 'ebb')] : []))
  })
})

describe('a cluster with its data on disk', () => {
  it('keeps objects over a restart, refuses a second ebb on the folder, and ends on down', async () => {
    const data = join(folder, 'data')
    const env = { XDG_RUNTIME_DIR: join(folder, 'run') }
    execFileSync('mkdir', ['-p', env.XDG_RUNTIME_DIR])
    const up = await ebb(['up', '--data', data, '--no-node', '--port', '0', '--detach'], env)
    expect(up.out).toMatch(/^ebb is ready in \d+ ms: https:\/\/127\.0\.0\.1:\d+, Kubernetes v1\.36/m)
    const shell = new Shell(join(data, 'kubeconfig'))
    await shell.ok('kubectl create configmap kept --from-literal=a=b')
    const authority = readFileSync(join(data, 'pki', 'ca.crt'), 'utf8')
    const port = /127\.0\.0\.1:(\d+)/.exec(up.out)?.[1]
    expect(await shell.ok(`kubectl --server https://localhost:${port} get ns default -o name`)).toBe(
      'namespace/default\n',
    )
    const second = await ebb(['up', '--data', data, '--port', '0'], env)
    expect(second.code).toBe(1)
    expect(second.out).toMatch(/store is in use|locked|in use/)
    const status = await ebb(['status'], env)
    expect(status.out).toContain('pods: none')
    await shell.ok('kubectl create service clusterip web --tcp=80:80')
    const nowhere = await ebb(['url', 'service/web'], env)
    expect(nowhere.out).toBe('ebb: there is no node here whose network could be reached: start ebb without --no-node\n')
    renameSync(join(data, 'kubeconfig'), join(data, 'away'))
    expect((await ebb(['status'], env)).out).toMatch(/^ebb: the kubeconfig \S+ of this ebb cannot be read \(.*"ebb up"/)
    renameSync(join(data, 'away'), join(data, 'kubeconfig'))
    expect((await ebb(['down'], env)).out).toMatch(/has ended/)
    expect((await ebb(['status'], env)).out).toContain('no ebb runs here')
    // kubectl writes the file anew, without ebb's first line: it is ebb's all the same.
    await shell.ok('kubectl config set-context --current --namespace=default')
    // An ebb of before, or a hand, left it open to others.
    execFileSync('chmod', ['-R', 'go+rX', data])
    const again = await ebb(['up', '--data', data, '--no-node', '--port', '0', '--detach'], {
      ...env,
      LANG: 'ko_KR.UTF-8',
    })
    expect(again.out).toMatch(/^ebb 준비 완료/m)
    expect(await shell.ok('kubectl get configmap kept -o jsonpath={.data.a}')).toBe('b')
    expect(readFileSync(join(data, 'pki', 'ca.crt'), 'utf8')).toBe(authority)
    expect(
      execFileSync('find', [data, join(env.XDG_RUNTIME_DIR, 'ebb'), '-not', '-type', 's', '-perm', '/077'], {
        encoding: 'utf8',
      }),
    ).toBe('')
    await ebb(['down'], env)
    shell.close()
  })
})

describe('clusters without a node', () => {
  it('of two the one that KUBECONFIG speaks of is meant', async () => {
    const env = { XDG_RUNTIME_DIR: mkdtempSync(join(folder, 'two-')) }
    const [a, b] = [1, 2].map((n) => join(folder, `kubeconfig-${n}`)) as [string, string]
    for (const file of [a, b]) {
      const up = ['up', '--ephemeral', '--no-node', '--port', '0', '--detach', '--kubeconfig', file]
      expect((await ebb(up, env)).code).toBe(0)
    }
    const servers = new Map([a, b].map((file) => [file, /server: (\S+)/.exec(readFileSync(file, 'utf8'))?.[1]]))
    const missing = 'there is no service web in namespace default'
    expect((await ebb(['url', 'service/web'], { ...env, KUBECONFIG: '' })).out).toContain('more than one ebb runs')
    expect((await ebb(['url', 'service/web'], { ...env, KUBECONFIG: `/nowhere:${b}:${a}` })).out).toContain(missing)
    for (const [file, other] of [
      [a, b],
      [b, a],
    ] as const)
      expect((await ebb(['status'], { ...env, KUBECONFIG: file })).out).toMatch(
        new RegExp(`^${servers.get(file)} [^]*\n${servers.get(other)} `),
      )
    expect((await ebb(['down'], { ...env, KUBECONFIG: b })).out).toBe(`ebb at ${servers.get(b)} has ended.\n`)
    expect((await ebb(['down'], env)).out).toBe(`ebb at ${servers.get(a)} has ended.\n`)
  })

  it('leave no key behind after kill -9', async () => {
    const env = { XDG_RUNTIME_DIR: mkdtempSync(join(folder, 'killed-')) }
    expect((await ebb(['up', '--ephemeral', '--no-node', '--port', '0', '--detach'], env)).code).toBe(0)
    const directories = () => readdirSync(join(env.XDG_RUNTIME_DIR, 'ebb')).filter((name) => /^\d+$/.test(name))
    const [pid] = directories()
    process.kill(Number(pid), 'SIGKILL')
    await gone(directories)
  })
})

describe('a cluster with a node', () => {
  let cluster: StartedCluster
  let shell: Shell
  const mark = `ebb-leftover-${process.pid}`
  const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - {name: app, image: ebb/echo, env: [{name: MARK, value: ${mark}}], readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`
  const start = async () => {
    cluster = await startCluster()
    shell = new Shell(cluster.kubeconfig)
    await shell.until('kubectl get serviceaccount default', (ran) => ran.code === 0)
    await shell.apply(manifest)
    await shell.ok('kubectl wait --for=condition=Ready pod/web --timeout=20s')
  }
  const get = (url: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      http.get(url, (response) => resolve(response.resume().statusCode)).on('error', reject)
    })

  it('ebb url gives an address that reaches a Service and a pod from here', async () => {
    await start()
    const port = /:(\d+)/.exec(cluster.url.slice(8))?.[1] as string
    const service = await ebb(['url', 'service/web', '--port', port])
    expect(service.out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/)
    expect(await get(service.out.trim())).toBe(200)
    const pod = await ebb(['url', 'pod/web:8080', '--port', port])
    expect(await get(pod.out.trim())).toBe(200)
    expect((await ebb(['url', 'service/nothing', '--port', port])).out).toContain(
      'there is no service nothing in namespace default',
    )
  })

  it("the pods' gateway has a link address of its own, not that of a pod whose end would take it along", async (context) => {
    if (/no namespaces of its own/.test(cluster.output())) context.skip('pods have no network of their own here')
    expect(await shell.ok('kubectl exec web -- cat /proc/net/arp')).toContain(' 0a:58:0a:f4:00:01 ')
  })

  it('exec, port-forward and cp-like streams work through the real kubectl', async () => {
    expect(await shell.ok('kubectl exec web -- echo hello')).toBe('hello\n')
    expect((await shell.run('kubectl exec web -- sh -c "echo out; echo err >&2; exit 7"')).code).toBe(7)
    expect(await shell.ok('kubectl exec -i web -- cat', 'through stdin')).toBe('through stdin')
    const forward = shell.start('kubectl port-forward pod/web :8080')
    const port = /127\.0\.0\.1:(\d+) -> 8080/.exec(await forward.shown(/Forwarding.*\n/))?.[1]
    expect(await get(`http://127.0.0.1:${port}/readyz`)).toBe(200)
    forward.stop()
    await forward.ended
  })

  it('a stop leaves nothing: no process, no run directory', async () => {
    const pid = cluster.pid
    expect(processesWith(mark).length).toBeGreaterThan(0)
    expect(await cluster.stop()).toBe(0)
    await gone(() => processesWith(mark))
    expect(runDirectories(pid)).toEqual([])
    shell.close()
  })

  it('neither does kill -9 of ebb', async () => {
    await start()
    const pid = cluster.pid
    process.kill(pid, 'SIGKILL')
    await cluster.exited
    await gone(() => [...processesWith(mark), ...runDirectories(pid)])
    await cluster.stop()
    shell.close()
  })
})

describe('Ctrl-C', () => {
  const start = async (name: string, onTerm: string) => {
    const cluster = await startCluster()
    const shell = new Shell(cluster.kubeconfig)
    await shell.until('kubectl get serviceaccount default', (ran) => ran.code === 0)
    await shell.apply(
      `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {volumes: [{name: v, hostPath: {path: ${shell.folder}}}], containers: [{name: app, image: x, volumeMounts: [{name: v, mountPath: ${shell.folder}}], command: [sh, -c, 'cd ${shell.folder}; trap "${onTerm}" TERM; while :; do sleep 0.1; done']}]}}`,
    )
    await shell.ok(`kubectl wait --for=condition=Ready pod/${name} --timeout=20s`)
    return { cluster, shell }
  }

  it('ends pods gracefully: their programs finish, within their grace', async () => {
    const { cluster, shell } = await start('tidies-up', 'sleep 1.5; echo finished > note; exit 0')
    process.kill(cluster.pid, 'SIGINT')
    expect(await cluster.exited).toBe(0)
    expect(readFileSync(join(shell.folder, 'note'), 'utf8')).toBe('finished\n')
    expect(cluster.output()).toContain('Ctrl-C once more ends them at once.')
    await cluster.stop()
    shell.close()
  })

  it('a second time ends everything at once', async () => {
    const { cluster, shell } = await start('stays', 'echo TERM > note')
    process.kill(cluster.pid, 'SIGINT')
    // What it says after a second of waiting for the pod.
    await gone(() => (/Ctrl-C once more|한 번 더/.test(cluster.output()) ? [] : ['waiting']))
    expect(readFileSync(join(shell.folder, 'note'), 'utf8')).toBe('TERM\n')
    process.kill(cluster.pid, 'SIGINT')
    expect(await cluster.exited).toBe(130)
    await gone(() => [...processesWith(shell.folder), ...runDirectories(cluster.pid)])
    await cluster.stop()
    shell.close()
  })
})

describe('a machine that lacks a program', () => {
  const isRoot = process.getuid?.() === 0
  const can =
    isRoot &&
    spawnSync('unshare', ['-m', 'true']).status === 0 &&
    spawnSync('ip', ['-V'], { env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }).status === 0

  it.runIf(can)('gets plain pods, is told what that means and what to install, in its language', async () => {
    const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run'), LANG: 'ko_KR.UTF-8' }
    mkdirSync(env.XDG_RUNTIME_DIR, { recursive: true })
    const hidden = 'mount --bind /dev/null "$(readlink -f "$(PATH=$PATH:/usr/sbin:/sbin command -v ip)")" && exec "$@"'
    const up = [process.execPath, EBB, 'up', '--ephemeral', '--port', '0', '--detach']
    const started = spawnSync('unshare', ['-m', 'sh', '-c', hidden, 'sh', ...up], { env, encoding: 'utf8' })
    expect(started.stdout, started.stderr).toContain('ip 프로그램이 없음, 데비안 패키지 iproute2')
    const kubeconfig = /KUBECONFIG=(.*)/.exec(started.stdout)?.[1] as string
    const shell = new Shell(kubeconfig)
    const ports = ['a', 'b'].map(async (name) => {
      await shell.until('kubectl get serviceaccount default', (ran) => ran.code === 0)
      await shell.apply(
        `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {containers: [{name: app, image: x, command: [sh, -c, 'echo "port $PORT"; exec sleep 60']}]}}`,
      )
      return (await shell.until(`kubectl logs ${name}`, (ran) => /^port \d+\n$/.test(ran.stdout))).stdout
    })
    expect(new Set(await Promise.all(ports)).size).toBe(2)
    const events = await shell.ok('kubectl get events -A --field-selector reason=Degraded')
    expect(events).toMatch(
      /Warning +Degraded +node\/ebb-1 +This node has no namespaces of its own \(the program ip is missing/,
    )
    expect(await shell.ok("kubectl get node ebb-1 -o jsonpath='{.metadata.annotations.ebb\\.dev/degraded}'")).toContain(
      'each should listen on the port in its PORT variable',
    )
    await shell.ok('kubectl delete po a b --grace-period=1')
    shell.close()
    const status = await ebb(['status'], env)
    expect(status.out).toMatch(/node\/ebb-1 {2}Ready\n {4}제한: /)
    expect(status.out).not.toMatch(/[a-z]+ [a-z]+ [a-z]+ [a-z]+/)
    expect((await ebb(['down'], env)).out).toMatch(/ebb를 종료했습니다/)
  })
})

function runDirectories(pid: number): string[] {
  const places = [join(tmpdir(), `ebb-${process.getuid?.()}`), join(process.env.XDG_RUNTIME_DIR ?? '/nowhere', 'ebb')]
  return places.map((place) => join(place, String(pid))).filter((path) => existsSync(path))
}
