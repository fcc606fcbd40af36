/**
 * What a pod may read, write, signal and reach, asked by the pod itself: as its program, as a command by exec, as a hook and as a
 * probe; of an ebb that root has started, and of an ordinary user's. A pod of root's ebb may no more than one of a user's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { bubblewrapTrouble } from '../src/kubelet/runtimes/process/bubblewrap.node.ts'
import { whyNoNamespaces } from '../src/main/fabric.node.ts'
import { startCluster } from '../tools/golden/cluster.mjs'
import { Shell } from './shell.ts'

/** An ordinary user that every system has. */
const NOBODY = 65534
const isRoot = process.getuid?.() === 0

const bubblewrap = await bubblewrapTrouble()
const why = whyNoNamespaces() ?? (bubblewrap && `bubblewrap ${bubblewrap}`)
if (why) console.log(`skipped, sandboxes of pods: ${why}`)
if (!isRoot) console.log('skipped, sandboxes of root: the tests run as an ordinary user')

/** Each prints one line, `name: answer`. ok: it could; no: it could not. */
const ASK = (host: Host) => `
say() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "$name: ok"; else echo "$name: no"; fi; }
say 'write a folder that everybody may write' touch ${host.folder}/written
say 'change a file that everybody may write' sh -c 'echo x >>${host.folder}/open'
say 'write /usr' touch /usr/ebb-test-written
say 'write /etc' touch /etc/ebb-test-written
say 'write /srv' touch /srv/ebb-test-written
say 'make a device' sh -c 'mknod /tmp/disk b 254 0 && head -c1 /tmp/disk'
say 'read what only root may read' cat ${host.folder}/secret
say "read ebb's keys" sh -c 'ls ${host.data}/* || find / -xdev -path /proc -prune -o -name ca.key -print 2>/dev/null | grep -q .'
say "read ebb's run folder" sh -c 'ls ${host.run}/*'
say 'set a sysctl of the host' sh -c 'echo core >/proc/sys/kernel/core_pattern'
say 'press sysrq' sh -c 'echo h >/proc/sysrq-trigger'
say 'read kernel memory' head -c1 /proc/kcore
say 'mount over /usr' mount -o remount,rw,bind /usr
say 'unmount what covers' umount /proc/sys
say 'mount from a user namespace of its own' unshare --user --map-root-user --mount sh -c 'umount /proc/sys || mount -o remount,rw,bind /usr'
say 'signal a process of the host' kill -0 ${host.pid}
say 'see a process of the host' grep -q 'ebb-test-hos[t]' /proc/[0-9]*/cmdline
say 'reach a port of the host' bash -c 'exec 3<>/dev/tcp/127.0.0.1/${host.port}'
say 'reach a port of the host by its pod network' bash -c 'exec 3<>/dev/tcp/10.88.0.1/${host.port}'
say 'write its own root' touch /ebb-test-own
say 'write its own /tmp' touch /tmp/own
say 'write its own /var/tmp' touch /var/tmp/own
say 'write its own /run' touch /run/own
grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr '\\t' ' '
`

/** What is allowed, and nothing else. */
const MAY = ['write its own /run: ok', 'write its own /tmp: ok', 'write its own /var/tmp: ok', 'write its own root: ok']
/** Its input and output, and what lists them. */
const OWN_FILES = /^\/(proc\/\d+\/fd|dev\/null|run\/ebb-node-0\/c\/\w+\/(out|err))$/
/** containerd's fourteen. */
const CAPABILITIES = '00000000a80425fb'

interface Host {
  /** Below /srv, which containers see: a folder that everybody may write, with a file for all and one for root alone. */
  readonly folder: string
  readonly data: string
  readonly run: string
  readonly pid: number
  readonly port: number
}

const users = [
  ...(isRoot
    ? [['root', undefined] as const, ['an ordinary user', NOBODY] as const]
    : [['this user', undefined] as const]),
]

describe.skipIf(why !== undefined).each(users)('a pod of %s', (_who, uid) => {
  let cluster: Awaited<ReturnType<typeof startCluster>>
  let shell: Shell
  let home: string
  let folder: string
  let listener: Server
  let sleeper: ChildProcess
  let host: Host

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'ebb-home-'))
    folder = mkdtempSync(join(existsSync('/srv') && isRoot ? '/srv' : process.cwd(), 'ebb-test-'))
    chmodSync(folder, 0o777)
    writeFileSync(join(folder, 'open'), 'untouched\n')
    chmodSync(join(folder, 'open'), 0o666)
    writeFileSync(join(folder, 'secret'), 'secret\n', { mode: 0o600 })
    for (const name of ['run', 'data']) mkdirSync(join(home, name), { mode: 0o700 })
    if (uid !== undefined) for (const path of [home, join(home, 'run'), join(home, 'data')]) chownSync(path, uid, uid)
    listener = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    sleeper = spawn('sh', ['-c', 'sleep 3600; : ebb-test-host'], { detached: true })
    const data = join(folder, 'data')
    mkdirSync(data, { mode: 0o700 })
    if (uid !== undefined) chownSync(data, uid, uid)
    cluster = await startCluster({
      data,
      env: { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), XDG_DATA_HOME: join(home, 'data') },
      ...(uid === undefined ? {} : { as: { uid, gid: uid } }),
    })
    shell = new Shell(cluster.kubeconfig)
    await shell.until('kubectl get serviceaccount default', (ran) => ran.code === 0)
    host = {
      folder,
      data,
      run: join(home, 'run'),
      pid: sleeper.pid as number,
      port: (listener.address() as { port: number }).port,
    }
  })
  afterAll(async () => {
    shell?.close()
    await cluster?.stop()
    listener?.close()
    if (sleeper?.pid) process.kill(-sleeper.pid, 'SIGKILL')
    for (const path of [home, folder]) rmSync(path, { recursive: true, force: true })
  })
  afterEach(async () => {
    await shell.run('kubectl delete pods --all --now')
  })

  /** Everything that was answered with ok, and the last lines on capabilities. */
  const allowed = (text: string) =>
    text
      .split('\n')
      .filter((line) => line.endsWith(': ok'))
      .sort()

  it('as its program, by exec, as a hook and as a probe: only what is its own', async () => {
    writeFileSync(join(shell.folder, 'pod.json'), JSON.stringify(askingPod(ASK(host))))
    await shell.ok('kubectl apply -f pod.json')
    await shell.ok('kubectl wait --for=condition=Ready pod/asks --timeout=30s')
    const answers = {
      program: await shell.ok('kubectl exec asks -- cat /answers/program'),
      exec: await shell.ok(`kubectl exec -i asks -- sh -s`, ASK(host)),
      hook: await shell.ok('kubectl exec asks -- cat /answers/hook'),
      probe: await shell.ok('kubectl exec asks -- cat /answers/probe'),
    }
    for (const [from, text] of Object.entries(answers)) {
      expect([from, ...allowed(text)]).toEqual([from, ...MAY])
      expect(text).toContain(`CapEff: ${CAPABILITIES}`)
      expect(text).toContain('NoNewPrivs: 1')
    }
    expect(readdirSync(folder).sort()).toEqual(['data', 'open', 'secret'])
    expect(readFileSync(join(folder, 'open'), 'utf8')).toBe('untouched\n')
  })

  it('with no capabilities, as another user, on a read-only root: no more, in exec and hooks too', async () => {
    const pod = askingPod(`${ASK(host)}\necho "id $(id -u) $(id -g)"`)
    const container = pod.spec.containers[0] as object
    Object.assign(container, {
      securityContext: {
        capabilities: { drop: ['ALL'] },
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsUser: 1000,
        runAsGroup: 3000,
      },
    })
    await shell.ok('kubectl apply -f -', JSON.stringify(pod))
    await shell.ok('kubectl wait --for=condition=Ready pod/asks --timeout=30s')
    for (const from of ['program', 'hook', 'probe']) {
      const text = await shell.ok(`kubectl exec asks -- cat /answers/${from}`)
      expect([from, ...allowed(text)]).toEqual([from])
      expect(text).toContain('CapEff: 0000000000000000')
      expect(text).toContain('id 1000 3000')
    }
    expect(
      await shell.ok('kubectl exec asks -- sh -c "id -u; grep CapEff /proc/self/status; touch /x || echo read-only"'),
    ).toBe('1000\nCapEff:\t0000000000000000\nread-only\n')
  })

  it('whatever its environment says, its commands and probes run inside, and an innocent one breaks nothing', async () => {
    const env = [
      { name: 'PATH', value: '/data:/opt/app/bin' },
      { name: 'LD_PRELOAD', value: '/data/evil.so' },
      { name: 'LD_LIBRARY_PATH', value: '/data' },
      { name: 'BASH_ENV', value: '/data/evil.sh' },
      { name: 'ENV', value: '/data/evil.sh' },
      { name: 'SHELL', value: '/data/evil.sh' },
    ]
    // A tool of the node by every name that it may look for, which tells who ran it.
    const evil = `#!/bin/sh\\n/usr/bin/id >/data/ran-$$; /usr/bin/grep CapEff /proc/self/status >>/data/ran-$$\\n`
    const names = ['nsenter', 'bwrap', 'setpriv', 'env', 'script', 'sh', 'unshare', 'mount', 'ip', 'stty']
    const script = `for n in ${names.join(' ')} evil.sh; do printf '${evil}' >/data/$n; /bin/chmod 755 /data/$n; done; exec /bin/sleep 3600`
    await shell.ok(
      'kubectl apply -f -',
      JSON.stringify(
        podOf({ emptyDir: {} }, '/data', {
          env,
          command: ['/bin/sh', '-c', script],
          readinessProbe: { exec: { command: ['/bin/true'] }, periodSeconds: 1 },
          lifecycle: { postStart: { exec: { command: ['/bin/true'] } } },
        }),
      ),
    )
    await shell.ok('kubectl wait --for=condition=Ready pod/asks --timeout=30s')
    await shell.ok('kubectl exec asks -- /bin/true')
    await shell.ok('kubectl exec asks -- /bin/sh -c "/bin/ls /data"')
    expect(
      (await shell.ok('kubectl exec asks -- /bin/ls /data')).split('\n').filter((name) => name.startsWith('ran-')),
    ).toEqual([])
  })

  it('inherits no open file of ebb', async () => {
    const list = 'for fd in /proc/self/fd/*; do readlink $fd; done'
    await shell.ok(`kubectl run asks --image any --restart Never --command -- sh -c '${list}; echo end; sleep 3600'`)
    await shell.until('kubectl logs asks', (ran) => ran.stdout.includes('end'))
    for (const text of [await shell.ok('kubectl logs asks'), await shell.ok(`kubectl exec asks -- sh -c '${list}'`)])
      expect(text.split('\n').filter((line) => line.startsWith('/') && !OWN_FILES.test(line))).toEqual([])
  })

  it('that mounts the whole host sees all of it but what is ebb’s', async () => {
    const script = `ls /host${host.data}/* /host${host.run}/ebb/* && echo seen; ls /host/usr >/dev/null && echo host; sleep 3600`
    const whole = podOf({ hostPath: { path: '/' } }, '/host', { command: ['sh', '-c', script] })
    await shell.ok('kubectl apply -f -', JSON.stringify(whole))
    const { stdout } = await shell.until('kubectl logs asks', (ran) => /^host$/m.test(ran.stdout))
    expect(stdout).not.toContain('seen')
  })
})

/** Asks as its program, as its postStart hook and as its readiness probe. */
function askingPod(ask: string) {
  const command = (from: string) => [
    'sh',
    '-c',
    `test -e /answers/${from} || { (${ask}) >/answers/.${from}; mv /answers/.${from} /answers/${from}; }`,
  ]
  const program = command('program')
  return podOf({ emptyDir: {} }, '/answers', {
    command: ['sh', '-c', `${program[2]}; exec sleep 3600`],
    lifecycle: { postStart: { exec: { command: command('hook') } } },
    readinessProbe: {
      exec: { command: [...command('probe').slice(0, 2), `${command('probe')[2]}; test -e /answers/program`] },
      periodSeconds: 1,
      timeoutSeconds: 20,
    },
  })
}

function podOf(volume: object, mountPath: string, container: object) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'asks' },
    spec: {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'v', ...volume }],
      containers: [{ name: 'c', image: 'any', volumeMounts: [{ name: 'v', mountPath }], ...container }],
    },
  }
}
