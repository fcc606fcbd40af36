/**
 * The process runtime on real processes, in both forms. Runs in the world it finds: plain on this machine, or, when started by
 * main/fabric.test.ts, inside a fabric's namespaces as root or as an ordinary user.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.node.ts'
import { DEFAULT_SECURITY, RuntimeError } from '../runtime.ts'
import { type RuntimeBench, runtimeContract } from './contract.ts'
import { Bench, inherited, lines, until } from './process/bench.node.ts'
import { bubblewrapTrouble } from './process/bubblewrap.node.ts'
import { readProgram } from './process/images.node.ts'
import { pidsWithMark } from './process/proc.node.ts'

// The trap comes first: who hears `up` may signal.
const TRAP = "trap 'echo TERM; exit 0' TERM; echo up; while :; do sleep 3600 & wait $!; done"
const IGNORE = "trap 'echo TERM' TERM; echo up; while :; do sleep 3600 & wait $!; done"

/** Not skipped, but run in the other world. */
const elsewhere = (_name: string, _tests: () => void): void => {}
const [inNamespaces, onThisMachine] = inherited?.mode === 'namespaces' ? [describe, elsewhere] : [elsewhere, describe]

const trouble = await bubblewrapTrouble()
if (trouble) console.log(`skipped, process runtime with bubblewrap: bubblewrap ${trouble}`)
const forms = trouble ? (['plain'] as const) : (['bwrap', 'plain'] as const)

const whyNoUsers = process.getuid?.() === 0 ? '' : ' (skipped: only root becomes another user)'

async function contractBench(form: 'bwrap' | 'plain'): Promise<RuntimeBench> {
  const bench = new Bench(form)
  // Whoever gets no bench closes none.
  await bench.open().catch(async (error: unknown) => {
    await bench.close()
    throw error
  })
  const logDirectory = join(bench.directory, 'logs')
  return {
    get runtime() {
      return bench.runtime
    },
    settle: (promise) => promise,
    now: () => systemClock.monotonic(),
    config: ({ script }) => ({ image: 'busybox', command: ['sh', '-c', script] }),
    logDirectory,
    lines: () => lines(join(logDirectory, 'app.log')).map((line) => line.split(' ').slice(2).join(' ')),
    // Without a mount namespace nothing can be put at a path of the container.
    ...(form === 'plain' ? { cannot: ['RT11'] } : {}),
    async reopen() {
      await bench.runtime.close()
      await bench.open()
      return bench.runtime
    },
    close: () => bench.close(),
  }
}

for (const form of forms) {
  runtimeContract(`process, ${form}, ${inherited?.mode ?? 'plain'} world, uid ${process.getuid?.()}`, () =>
    contractBench(form),
  )

  describe(`process runtime, ${form}, ${inherited?.mode ?? 'plain'} world, uid ${process.getuid?.()}`, () => {
    let bench: Bench
    beforeEach(async () => {
      bench = new Bench(form)
      await bench.open()
    })
    afterEach(() => bench.close())

    it('runs a program, logs its lines with the time of arrival, and tells its exit code', async () => {
      const { id, log } = await bench.run(['sh', '-c', 'echo out; echo err >&2; printf part; exit 3'])
      await bench.exited(id)
      expect(await bench.runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 3, reason: 'Error' })
      expect(lines(log).sort()).toEqual(['stderr F err', 'stdout F out', 'stdout P part'])
      expect(readFileSync(log, 'utf8')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z std/)
    })

    it('gives exactly the environment that was asked for, and what an image would have', async () => {
      const env = [
        { name: 'A', value: "it's $HOME" },
        { name: 'app.kubernetes.io/name', value: 'x y' },
      ]
      const { id, log } = await bench.run(['env'], { env })
      await bench.exited(id)
      const names = lines(log).map((line) => line.replace(/^stdout F /, ''))
      expect(names).toContain("A=it's $HOME")
      expect(names).toContain('app.kubernetes.io/name=x y')
      expect(names).toContain('HOSTNAME=web-1')
      const own = names.map((line) => line.split('=')[0]).filter((name) => !name?.startsWith('EBB_'))
      expect(own.sort()).toEqual(['A', 'HOME', 'HOSTNAME', 'PATH', 'app.kubernetes.io/name'])
    })

    it('gives every variable, whatever its name means to a shell', async () => {
      const names =
        'data-1 p-data.2 1x a/b x:y [ %s _ BASHOPTS BASH_ENV ENV IFS LINENO OLDPWD OPTIND PPID PS1 PS4 PWD RANDOM SHELLOPTS SHLVL UID'
      const env = names.split(' ').map((name) => ({ name, value: `of ${name}` }))
      const { id, log } = await bench.run(['env'], { env })
      await bench.exited(id)
      const got = lines(log).map((line) => line.replace(/^stdout F /, ''))
      expect(got).toEqual(expect.arrayContaining(env.map(({ name, value }) => `${name}=${value}`)))
    })

    it('sends the stop signal to the program, which ends as it likes', async () => {
      const { id, log } = await bench.run(['sh', '-c', TRAP])
      await until(() => lines(log).includes('stdout F up'))
      await bench.runtime.stopContainer(id, 20_000)
      expect(await bench.runtime.containerStatus(id)).toMatchObject({ exitCode: 0, reason: 'Completed' })
      expect(lines(log)).toEqual(['stdout F up', 'stdout F TERM'])
      expect(bench.events.map((event) => event.type)).toEqual(['started', 'signalled', 'exited'])
    })

    it('KILLs after the grace what ignores the signal', async () => {
      const { id, log } = await bench.run(['sh', '-c', IGNORE])
      await until(() => lines(log).includes('stdout F up'))
      const first = bench.runtime.stopContainer(id, 150)
      await bench.runtime.stopContainer(id, 20_000)
      await first
      expect(await bench.runtime.containerStatus(id)).toMatchObject({ exitCode: 137, reason: 'Error' })
      // What the shim's shell says of a killed child is no line of the program.
      expect(lines(log)).toEqual(['stdout F up', 'stdout F TERM'])
    })

    it('keeps the signal from a PID 1 without handler', async () => {
      const { id } = await bench.run(['sleep', '3600'])
      await bench.runtime.stopContainer(id, 100)
      expect((await bench.runtime.containerStatus(id)).exitCode).toBe(137)
      expect(bench.events).toContainEqual(expect.objectContaining({ signal: 'SIGTERM', withheld: true }))
    })

    it('lets the signal act where the pod shares its PID namespace', async () => {
      const { id } = await bench.run(['sleep', '3600'], {}, { shareProcessNamespace: true })
      await bench.runtime.stopContainer(id, 20_000)
      expect((await bench.runtime.containerStatus(id)).exitCode).toBe(143)
    })

    it.each([false, true])(
      'leaves nothing that the program started (shared PID namespace: %s)',
      async (shareProcessNamespace) => {
        const mark = `EBB_TEST_LEFT=${bench.world.fabricId}`
        const script = `setsid sh -c "trap '' TERM; while :; do sleep 0.2; done" & setsid sleep 3600 & echo up; exit 0`
        const env = [{ name: 'EBB_TEST_LEFT', value: bench.world.fabricId }]
        const { id } = await bench.run(['sh', '-c', script], { env }, { shareProcessNamespace })
        await bench.exited(id)
        expect(pidsWithMark(mark)).toEqual([])
      },
    )

    it('says as containerd does that a command is missing', async () => {
      const sandbox = await bench.sandbox()
      const { id } = await bench.create(sandbox.id, ['no-such-program'])
      const error = await bench.runtime.startContainer(id).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(RuntimeError)
      expect(error).toMatchObject({ code: 'start-failed' })
      expect((error as Error).message).toContain('exec: "no-such-program": executable file not found in $PATH')
      expect(await bench.runtime.containerStatus(id)).toMatchObject({
        state: 'exited',
        exitCode: 128,
        reason: 'StartError',
      })
    })

    it('runs commands inside: output, exit code, environment, timeout', async () => {
      const { id, log } = await bench.run(['sh', '-c', TRAP], { env: [{ name: 'A', value: 'b' }], workingDir: '/usr' })
      await until(() => lines(log).includes('stdout F up'))
      const done = await bench.runtime.execSync(id, ['sh', '-c', 'echo $A; pwd; echo no >&2; exit 7'], 10_000)
      expect(done).toEqual({ exitCode: 7, stdout: 'b\n/usr\n', stderr: 'no\n' })
      await expect(bench.runtime.execSync(id, ['sleep', '60'], 50)).rejects.toMatchObject({ name: 'TimeoutError' })
      await expect(bench.runtime.execSync(id, ['no-such-program'], 50)).rejects.toMatchObject({ code: 'start-failed' })
      await bench.runtime.stopContainer(id, 20_000)
      expect((await bench.runtime.containerStatus(id)).exitCode).toBe(0)
    })

    it('streams a command: input, its end, the exit code', async () => {
      const { id } = await bench.run(['sleep', '3600'])
      const session = await bench.runtime.exec(id, ['sh', '-c', 'cat; exit 5'], { tty: false, stdin: true })
      await session.write(Buffer.from('hello'))
      session.closeStdin()
      let text = ''
      for await (const bytes of session.stdout) text += Buffer.from(bytes).toString()
      expect(text).toBe('hello')
      expect(await session.exit).toBe(5)
    })

    it('gives a command a terminal of the size asked for', async () => {
      const { id } = await bench.run(['sleep', '3600'])
      const script =
        'test -t 0 && echo a terminal; while [ "$(stty size)" != "44 99" ]; do sleep 0.02; done; stty size; exit 9'
      const session = await bench.runtime.exec(id, ['sh', '-c', script], { tty: true, stdin: true })
      session.resize(99, 44)
      let text = ''
      for await (const bytes of session.stdout) text += Buffer.from(bytes).toString()
      expect(text.replaceAll('\r', '')).toBe('a terminal\n44 99\n')
      expect(await session.exit).toBe(9)
    })

    it('attaches to input and output', async () => {
      const { id } = await bench.run(['sh', '-c', 'while read line; do echo "got $line"; done; echo end'], {
        stdin: true,
        stdinOnce: true,
      })
      const session = await bench.runtime.attach(id)
      await session.write(Buffer.from('one\n'))
      session.closeStdin()
      let text = ''
      for await (const bytes of session.stdout) text += Buffer.from(bytes).toString()
      expect(text).toBe('got one\nend\n')
      expect(await session.exit).toBe(0)
    })

    it('loses no input that comes faster than the program reads', async () => {
      const { id } = await bench.run(['sh', '-c', 'sleep 0.2; wc -c'], { stdin: true, stdinOnce: true })
      const session = await bench.runtime.attach(id)
      for (let i = 0; i < 4; i++) void session.write(Buffer.alloc(100_000, 'x'))
      session.closeStdin()
      let text = ''
      for await (const bytes of session.stdout) text += Buffer.from(bytes).toString()
      expect(text.trim()).toBe('400000')
    })

    it('loses no output of a command whose client is slow', async () => {
      const { id } = await bench.run(['sleep', '3600'])
      const command = ['head', '-c', '150000', '/dev/zero']
      const session = await bench.runtime.exec(id, command, { tty: false, stdin: false })
      let count = 0
      for await (const bytes of session.stdout) {
        if (count === 0) await new Promise((resolve) => setTimeout(resolve, 600))
        count += bytes.length
      }
      expect(count).toBe(150_000)
      expect(await session.exit).toBe(0)
    })

    it('runs what an image is mapped to', async () => {
      const folder = join(bench.directory, 'app')
      mkdirSync(folder)
      writeFileSync(
        join(folder, 'ebb.json'),
        '{"command": ["./start"], "args": ["one"], "env": {"B": "c"}, "stopSignal": "SIGUSR1"}',
      )
      writeFileSync(
        join(folder, 'start'),
        '#!/bin/sh\ntrap "echo USR1; exit 0" USR1\necho $1 $B $PWD\nwhile :; do sleep 0.05; done\n',
        { mode: 0o755 },
      )
      bench.programs.push(readProgram('my-app:v1', folder))
      const sandbox = await bench.sandbox()
      await expect(bench.runtime.pullImage('other')).rejects.toMatchObject({ code: 'image-missing' })
      expect(await bench.runtime.pullImage('my-app:v1')).toMatch(/^sha256:/)
      const { id, log } = await bench.create(sandbox.id, [], { image: 'docker.io/library/my-app:v1' })
      await bench.runtime.startContainer(id)
      await until(() => lines(log).length > 0)
      await bench.runtime.stopContainer(id, 20_000)
      expect(lines(log)).toEqual([`stdout F one c ${folder}`, 'stdout F USR1'])
    })

    it('survives the node process: output, exit code and a stop after adoption', async () => {
      const ended = await bench.run(['sh', '-c', 'echo one; sleep 1; echo two; exit 6'])
      const living = await bench.run(['sh', '-c', TRAP])
      const left = await bench.sandbox()
      const idle = await bench.create(left.id, ['true'])
      await until(() => lines(ended.log).length >= 1 && lines(living.log).length >= 1)
      await bench.runtime.close()
      const exit = join(bench.world.directory, 'c', ended.id, 'exit')
      await until(() => existsSync(exit) && readFileSync(exit, 'utf8') !== '')
      await bench.open()
      const found = await bench.runtime.listContainers()
      expect(found.find(({ id }) => id === ended.id)).toMatchObject({ state: 'exited', exitCode: 6, reason: 'Error' })
      expect(found.find(({ id }) => id === living.id)).toMatchObject({ state: 'running' })
      expect(found.find(({ id }) => id === idle.id)).toMatchObject({ state: 'created' })
      expect(lines(ended.log)).toEqual(['stdout F one', 'stdout F two'])
      expect((await bench.runtime.execSync(living.id, ['echo', 'hi'], 10_000)).stdout).toBe('hi\n')
      await bench.runtime.stopContainer(living.id, 20_000)
      expect(lines(living.log)).toEqual(['stdout F up', 'stdout F TERM'])
      expect((await bench.runtime.containerStatus(living.id)).exitCode).toBe(0)
    })

    it('says so when a container was lost together with its shim', async () => {
      const { id } = await bench.run(['sleep', '3600'])
      const { pid } = await bench.runtime.containerStatus(id)
      const shim = Number(readFileSync(join(bench.world.directory, 'c', id, 'shim'), 'utf8').split(' ')[0])
      await bench.runtime.close()
      for (const victim of [shim, pid as number]) process.kill(victim, 'SIGKILL')
      await bench.open()
      while ((await bench.runtime.containerStatus(id)).state === 'running')
        await new Promise((resolve) => setTimeout(resolve, 10))
      expect(await bench.runtime.containerStatus(id)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' })
    })

    it('removes what it made', async () => {
      const { id, sandbox } = await bench.run(['sleep', '3600'])
      const { pid } = await bench.runtime.containerStatus(id)
      await bench.runtime.removeSandbox(sandbox.id)
      expect(existsSync(`/proc/${pid}`)).toBe(false)
      expect(readdirSync(join(bench.world.directory, 'c'))).toEqual([])
      expect(readdirSync(join(bench.world.directory, 's'))).toEqual([])
      await expect(bench.runtime.containerStatus(id)).rejects.toMatchObject({ code: 'not-found' })
    })

    it('keeps many that begin and end at once apart', async () => {
      const ended = await Promise.all(
        Array.from({ length: 24 }, async (_, i) => {
          const { id } = await bench.run(['sh', '-c', `echo up; exit ${i}`], {}, { shareProcessNamespace: i % 2 === 0 })
          await bench.exited(id)
          return (await bench.runtime.containerStatus(id)).exitCode
        }),
      )
      expect(ended).toEqual(Array.from({ length: 24 }, (_, i) => i))
    })

    it('takes a line of any length, cut into records', async () => {
      const { id, log } = await bench.run(['sh', '-c', 'head -c 100000 /dev/zero | tr "\\0" x; echo; echo last'])
      await bench.exited(id)
      const parts = lines(log)
      expect(parts.map((line) => line.slice(7, 8))).toEqual(['P', 'P', 'P', 'P', 'P', 'P', 'F', 'F'])
      expect(
        parts
          .slice(0, 7)
          .map((line) => line.slice(9))
          .join(''),
      ).toBe('x'.repeat(100_000))
    })
  })
}

inNamespaces('process runtime, files and network of a container', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = new Bench(trouble ? 'plain' : 'bwrap')
    await bench.open()
  })
  afterEach(() => bench.close())

  it('reaches another pod by its address', async () => {
    const server = await bench.run(['sh', '-c', 'echo up; exec sleep 3600'])
    const client = await bench.run(['sh', '-c', `ip -br addr show eth0; ip route get ${server.sandbox.ip} | head -1`])
    await bench.exited(client.id)
    expect(server.sandbox.ip).not.toBe(client.sandbox.ip)
    expect(lines(client.log)[0]).toContain(`${client.sandbox.ip}/32`)
    expect(lines(client.log)[1]).toContain(`${server.sandbox.ip} via 10.244.`)
  })
})

describe.skipIf(trouble)('process runtime, files of a container', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = new Bench('bwrap')
    await bench.open()
  })
  afterEach(() => bench.close())

  it('mounts volumes wherever the pod wants them, without touching the host', async () => {
    const source = join(bench.directory, 'volume')
    mkdirSync(source)
    writeFileSync(join(source, 'f'), 'data\n')
    const targets = [
      '/ebb-test-d',
      '/etc/ebb-test',
      '/var/run/secrets/x/y',
      '/usr/share/ebb-test/deep',
      '/tmp/t',
      '/opt',
    ]
    const mounts = targets.map((containerPath) => ({
      hostPath: source,
      containerPath,
      readOnly: containerPath === '/opt',
    }))
    const script = `for t in ${targets.join(' ')}; do cat $t/f; done; echo new >/ebb-test-d/g; echo no >/opt/h || echo read-only; ls /etc/passwd /usr/share/doc >/dev/null && echo host`
    const { id, log } = await bench.run(['sh', '-c', script], { mounts, workingDir: '/ebb-test-w/x' })
    await bench.exited(id)
    const out = lines(log).filter((line) => line.startsWith('stdout'))
    expect(out).toEqual([...targets.map(() => 'stdout F data'), 'stdout F read-only', 'stdout F host'])
    expect(readFileSync(join(source, 'g'), 'utf8')).toBe('new\n')
    for (const path of ['/ebb-test-d', '/etc/ebb-test', '/usr/share/ebb-test', '/ebb-test-w'])
      expect(existsSync(path)).toBe(false)
  })

  it("has the pod's hosts, hostname and resolv.conf, and a /tmp, /run and /proc of its own", async () => {
    const dns = { servers: ['10.96.0.10'], searches: ['default.svc.cluster.local'], options: ['ndots:5'] }
    const script =
      'hostname; cat /etc/hostname /etc/resolv.conf; grep -c aliased /etc/hosts; touch /run/ok /tmp/ok && echo own; set -- /proc/[0-9]*; echo $#'
    const pod = { dns, hostAliases: [{ ip: '10.0.0.9', hostnames: ['aliased.local'] }] }
    const { id, log } = await bench.run(['sh', '-c', script], {}, pod)
    await bench.exited(id)
    expect(lines(log).map((line) => line.slice(9))).toEqual([
      'web-1',
      'web-1',
      'search default.svc.cluster.local',
      'nameserver 10.96.0.10',
      'options ndots:5',
      '1',
      'own',
      '1',
    ])
  })

  it('keeps the last words', async () => {
    const { id } = await bench.run(['sh', '-c', 'echo why >/dev/termination-log; exit 1'])
    await bench.exited(id)
    expect(await bench.runtime.terminationMessage(id)).toBe('why\n')
  })

  it('lets a command write to the output of PID 1', async () => {
    const { id, log } = await bench.run(['sh', '-c', TRAP])
    await until(() => lines(log).length === 1)
    await bench.runtime.execSync(id, ['sh', '-c', 'echo hook >/proc/1/fd/1'], 10_000)
    await until(() => lines(log).length === 2)
    expect(lines(log)).toEqual(['stdout F up', 'stdout F hook'])
  })

  it.skipIf(whyNoUsers !== '')(`runs as the user that the pod names${whyNoUsers}`, async () => {
    const security = { ...DEFAULT_SECURITY, runAsUser: 1234, runAsGroup: 4321 }
    const { id, log } = await bench.run(['sh', '-c', 'id -u; id -g; echo x >/proc/self/fd/1; exec sleep 3600'], {
      security,
    })
    await until(() => lines(log).length === 3)
    expect(lines(log)).toEqual(['stdout F 1234', 'stdout F 4321', 'stdout F x'])
    expect((await bench.runtime.execSync(id, ['id', '-u'], 10_000)).stdout).toBe('1234\n')
  })

  it('gives a container a terminal', async () => {
    const script = 'test -t 0 && test -t 1 && echo terminal; read line; echo "got $line"; exit 4'
    const { id, log } = await bench.run(['sh', '-c', script], { tty: true })
    const session = await bench.runtime.attach(id)
    await until(() => lines(log).length > 0)
    await session.write(Buffer.from('hello\n'))
    expect(await session.exit).toBe(4)
    expect(lines(log).map((line) => line.replace('\r', ''))).toEqual([
      'stdout F terminal',
      'stdout F hello',
      'stdout F got hello',
    ])
  })
})

onThisMachine('process runtime, pods without network namespaces', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = new Bench('plain')
    await bench.open()
  })
  afterEach(() => bench.close())

  const server = (name: string) =>
    `require('http').createServer((q, r) => r.end('${name}')).listen(process.env.PORT, () => console.log('up'))`

  it('finds each at its own address and the ports of its manifest', async () => {
    const found: string[] = []
    for (const name of ['one', 'two']) {
      const sandbox = await bench.sandbox({ name, ports: [18080] })
      const env = [{ name: 'PORT', value: String(sandbox.port) }]
      const { id } = await bench.create(sandbox.id, [process.execPath, '-e', server(name)], { env })
      await bench.runtime.startContainer(id)
      const url = `http://${sandbox.ip}:18080/`
      const answer = () =>
        fetch(url).then(
          (response) => response.text(),
          () => undefined,
        )
      while ((await answer()) === undefined) await new Promise((resolve) => setTimeout(resolve, 20))
      found.push((await answer()) as string)
      if (name === 'two') {
        await bench.runtime.stopSandbox(sandbox.id)
        await expect(fetch(url)).rejects.toThrow()
      }
    }
    expect(found).toEqual(['one', 'two'])
    const ips = (await bench.runtime.listSandboxes()).map(({ ip }) => ip)
    expect(new Set(ips).size).toBe(2)
  })
})
