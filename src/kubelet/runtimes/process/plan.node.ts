/** From a container's configuration to what is run: environment, working directory, bubblewrap's arguments, the shim's text. */
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { CONTAINER_VARIABLE, type Container, readText } from './container.node.ts'
import type { ExecPlan } from './exec.node.ts'
import { commandLine, type ImageProgram } from './images.ts'
import { hiddenFolder, type MountRequest, rootArguments } from './root-filesystem.node.ts'
import type { Sandbox } from './sandbox.node.ts'
import { isForeignName, renderShim } from './shim.ts'
import { FABRIC_VARIABLE, type NodeWorld } from './world.ts'

/** What containerd leaves to a container that is not privileged. */
const CAPABILITIES =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'.split(
    ' ',
  )

export interface ContainerPlan {
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
  readonly command: readonly string[]
  readonly enter: readonly string[]
  readonly user: readonly string[]
  /** Writes `args` and `run` into the container's directory. Throws when a mount point cannot be made. */
  write(): void
}

export function containerPlan(parts: {
  container: Container
  sandbox: Sandbox
  program: ImageProgram | undefined
  world: NodeWorld
  home: string
  path: string
}): ContainerPlan {
  const { container, sandbox, program, world } = parts
  const { config, form } = container.record
  const env = environment(parts)
  const workingDir = config.workingDir || program?.workingDir || '/'
  const command = commandLine(program, config.command, config.args)
  const enter = sandbox.record.address ? ['nsenter', `--net=/run/netns/${sandbox.record.address.netns}`, '--'] : []
  const user = form === 'plain' || !ownUser(config.user) ? userWords(config.user) : []
  const write = () => {
    const foreign = Object.entries(env).filter(([name]) => isForeignName(name))
    const prefix = foreign.length > 0 ? ['env', ...foreign.map(([name, value]) => `${name}=${value}`)] : []
    const shared = sandbox.record.pause && { sharedPid: `/proc/${sandbox.record.pause.pid}/ns/pid` }
    const text = renderShim({
      id: container.record.id,
      directory: relative(world.directory, container.directory),
      back: relative(container.directory, world.directory),
      enter,
      form,
      ...shared,
      stdin: config.stdin || config.tty,
      tty: config.tty,
      env: Object.entries(env),
      workingDir,
      command: [...user, ...prefix, ...command],
    })
    if (form === 'bwrap') {
      const args = bwrapArguments(parts, env, workingDir)
      writeFileSync(join(container.directory, 'args'), args.map((word) => `${word}\0`).join(''), { mode: 0o600 })
    }
    writeFileSync(join(container.directory, 'run'), text, { mode: 0o600 })
  }
  return { env, workingDir, command, enter, user, write }
}

/** How `command` gets into the running container. */
export function execPlan(
  plan: ContainerPlan,
  container: Container,
  command: readonly string[],
  options: { tty: boolean },
): ExecPlan {
  const env = options.tty && plan.env.TERM === undefined ? { ...plan.env, TERM: 'xterm' } : plan.env
  const words = [...plan.user, ...command]
  const user = ownUser(container.record.config.user) ? ['--user', '--preserve-credentials'] : []
  if (container.record.form === 'plain') return { enter: plan.enter, env, cwd: plan.workingDir, command: words }
  const target = ['nsenter', '--target', String(container.pid), '--mount', '--uts', '--ipc', '--pid']
  const net = plan.enter.length > 0 ? ['--net'] : []
  return { enter: [...target, ...net, ...user, `--wdns=${plan.workingDir}`, '--'], env, cwd: undefined, command: words }
}

function environment(parts: Parameters<typeof containerPlan>[0]): Record<string, string> {
  const { container, sandbox, program, world, home, path } = parts
  const { config, form, id } = container.record
  const env: Record<string, string> = { PATH: path, HOME: home, HOSTNAME: sandbox.record.config.hostname }
  if (config.tty) env.TERM = 'xterm'
  Object.assign(env, program?.env)
  for (const { name, value } of config.env) env[name] = value
  if (form === 'plain') Object.assign(env, { [CONTAINER_VARIABLE]: id, [FABRIC_VARIABLE]: world.fabricId })
  return env
}

function bwrapArguments(
  parts: Parameters<typeof containerPlan>[0],
  env: Readonly<Record<string, string>>,
  workingDir: string,
): string[] {
  const { container, sandbox, program } = parts
  const own = sandbox.record.pause ? ['--pidns', '6'] : ['--unshare-pid', '--as-pid-1']
  const args = [
    ...own,
    '--unshare-uts',
    '--unshare-ipc',
    '--hostname',
    sandbox.record.config.hostname,
    '--die-with-parent',
  ]
  const user = ownUser(container.record.config.user)
  if (user) args.push('--unshare-user', '--uid', String(user.uid ?? 0), '--gid', String(user.gid ?? 0))
  args.push('--cap-drop', 'ALL', ...CAPABILITIES.flatMap((name) => ['--cap-add', `CAP_${name}`]))
  args.push('--clearenv', ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]))
  args.push(...rootArguments(mounts(container, sandbox, program), [workingDir]), '--chdir', workingDir)
  return args
}

function mounts(container: Container, sandbox: Sandbox, program: ImageProgram | undefined): MountRequest[] {
  const { config } = container.record
  const requests: MountRequest[] = program?.folder ? hiddenFolder(program.folder) : []
  for (const name of ['hosts', 'hostname', 'resolv.conf']) {
    const source = join(sandbox.directory, name)
    if (existsSync(source)) requests.push({ source, target: `/etc/${name}`, readOnly: false })
  }
  if (config.terminationMessagePath) {
    const source = join(container.directory, 'termination-log')
    closeSync(openSync(source, 'a', 0o666))
    requests.push({ source, target: config.terminationMessagePath, readOnly: false })
  }
  for (const mount of config.mounts)
    requests.push({ source: mount.hostPath, target: mount.containerPath, readOnly: mount.readOnly })
  return requests
}

type User = { readonly uid?: number; readonly gid?: number }

/**
 * An ordinary user has a single uid. In a fabric it is root's; a container that wants another one gets a user namespace of its
 * own, in which the single uid has the wanted number. Without a fabric every container needs one, and is its root: with another
 * number bubblewrap makes two, and no command could get in any more.
 */
function ownUser(user: User | undefined): User | undefined {
  if (process.getuid?.() !== 0) return {}
  if (!user?.uid && !user?.gid) return undefined
  return /^\s*\d+\s+\d+\s+1\s*$/.test(readText('/proc/self/uid_map') ?? '') ? user : undefined
}

function userWords(user: User | undefined): string[] {
  if ((!user?.uid && !user?.gid) || process.getuid?.() !== 0) return []
  const gid = user.gid ?? 0
  const words = ['setpriv', '--regid', String(gid), '--clear-groups']
  return user.uid === undefined ? words : [...words, '--reuid', String(user.uid)]
}
