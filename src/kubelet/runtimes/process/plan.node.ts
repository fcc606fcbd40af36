/**
 * From a container's configuration to what is run: environment, working directory, bubblewrap's arguments, the shim's text. The
 * program and every command in the container come into their sandbox by the same arguments.
 */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { TOOL_ENVIRONMENT } from '../../../base/child.node.ts'
import { RuntimeError } from '../../runtime.ts'
import { capabilitiesOf } from './capabilities.ts'
import { execFailure, filesBefore, filesOf, hostFiles, type ProgramPlan, whyNotExecutable } from './command.node.ts'
import type { Container } from './container.node.ts'
import { fileArguments, hiddenFolder, type MountRequest, Scratch } from './container-files.node.ts'
import type { ExecPlan } from './exec.node.ts'
import { commandLine, type ImageProgram } from './images.ts'
import { CONTAINER_VARIABLE } from './leftovers.node.ts'
import type { OpenFolders } from './open-folders.node.ts'
import type { Refuse } from './refuse.node.ts'
import type { Sandbox } from './sandbox.node.ts'
import { isForeignName, quote, renderShim } from './shim.ts'
import type { Tools } from './tools.node.ts'
import { type ContainerUser, ROOT, type UserSpaces } from './user-spaces.node.ts'
import { FABRIC_VARIABLE, type NodeWorld } from './world.ts'

/** What the node brings to every container. */
export interface NodeParts {
  readonly world: NodeWorld
  readonly tools: Tools
  readonly spaces: UserSpaces
  readonly open: OpenFolders
  readonly refuse: Refuse
  /** ebb's own folders, which no container sees. */
  readonly covered: readonly string[]
  readonly home: string
  readonly path: string
  /** Words that make a plain container's shim the reaper of its orphans; undefined where nothing can. */
  readonly reaper: readonly string[] | undefined
}

/** File of a shim that is started anew, by what makes it a reaper; the fabric's watchdog knows shims by this name. */
const REAPED_SHIM = 'ebb-shim'

export interface ContainerParts {
  readonly node: NodeParts
  readonly container: Container
  readonly sandbox: Sandbox
  readonly program: ImageProgram | undefined
}

export function programPlan(parts: ContainerParts): ProgramPlan {
  const { config } = parts.container.record
  return {
    env: environment(parts),
    workingDir: config.workingDir || parts.program?.workingDir || '/',
    command: commandLine(parts.program, config.command, config.args),
  }
}

/**
 * Writes what the shim needs into the container's directory. Resolves to the program and its arguments. Throws an Error in plain
 * words when it cannot be executed, as far as that can be told before, or the sandbox cannot be made.
 */
export async function writeStart(parts: ContainerParts): Promise<readonly string[]> {
  const { container, sandbox, node } = parts
  const { config, form, id } = container.record
  const { env, workingDir, command } = programPlan(parts)
  const seen = form === 'plain' ? hostFiles : filesBefore(config.mounts)
  const why = whyNotExecutable({ env, workingDir, command }, seen)
  if (why !== undefined) throw new Error(why)
  const { known, behind } = split(env, node.tools)
  const user = userOf(container)
  const { pause } = sandbox.record
  const identity = form === 'bwrap' ? identityOf(parts) : undefined
  const holder = identity && (pause?.pid ?? (await node.spaces.holder(sandbox.scope, identity.as)))
  if (identity) {
    const files = await sandboxFiles(parts, workingDir)
    writeWords(join(container.directory, 'files'), files)
    const pids = pause ? ['--pidns', '6'] : ['--unshare-pid', '--as-pid-1']
    const args = [
      '--userns',
      '5',
      ...idWords(identity.as),
      ...pids,
      '--die-with-parent',
      ...inside(parts, known, files, workingDir),
    ]
    writeWords(join(container.directory, 'args'), args)
  }
  const text = renderShim({
    id,
    directory: relative(node.world.directory, container.directory),
    back: relative(container.directory, node.world.directory),
    tools: node.tools,
    enter: [...networkWords(parts), ...(identity?.become ?? [])],
    form,
    ...(holder === undefined ? {} : { userSpace: `/proc/${holder}/ns/user` }),
    ...(pause ? { sharedPid: `/proc/${pause.pid}/ns/pid` } : {}),
    stdin: config.stdin || config.tty,
    tty: config.tty,
    env: Object.entries(known),
    workingDir,
    command: [...(form === 'plain' || identity?.switchInside ? switchWords(node, user) : []), ...behind, ...command],
  })
  const write = (name: string, lines: string) => writeFileSync(join(container.directory, name), lines, { mode: 0o600 })
  if (form === 'bwrap' || !node.reaper) write('run', text)
  else {
    write(REAPED_SHIM, text)
    const shim = join(relative(node.world.directory, container.directory), REAPED_SHIM)
    write('run', `exec ${[...node.reaper, '/bin/sh', `./${shim}`].map(quote).join(' ')}\n`)
  }
  return command
}

/** How `command` gets into the running container. Throws RuntimeError start-failed where it cannot be executed there. */
export function execPlan(
  parts: ContainerParts,
  command: readonly string[],
  options: { tty: boolean; execId: string },
): ExecPlan {
  const { container, node } = parts
  const { form } = container.record
  const { execId } = options
  const { env, workingDir } = programPlan(parts)
  const seen = form === 'plain' || container.pid === undefined ? hostFiles : filesOf(container.pid)
  const why = whyNotExecutable({ env, workingDir, command }, seen)
  if (why !== undefined) throw new RuntimeError('start-failed', execFailure(execId, why))
  const own = options.tty ? { ...env, SHELL: '/bin/sh', TERM: env.TERM ?? 'xterm' } : env
  const { known, behind } = split(own, node.tools)
  const words = options.tty ? terminalWords(node.tools, [...behind, ...command]) : [...behind, ...command]
  if (form === 'plain') {
    const run = [...networkWords(parts), ...switchWords(node, userOf(container)), ...words]
    return { words: run, entered: run.length > words.length, env: known, cwd: workingDir, command, execId }
  }
  const { as, become, switchInside } = identityOf(parts)
  const user = switchInside ? switchWords(node, userOf(container)) : []
  // What was mounted may be gone since: the command does without, where the program still has it.
  const files = readWords(join(container.directory, 'files')).map((word) => word.replace(/^--(ro-)?bind$/, '$&-try'))
  const args = ['--userns', '4', ...idWords(as), '--pidns', '5', ...inside(parts, known, files, workingDir)]
  return {
    words: [
      ...networkWords(parts),
      ...become,
      node.tools.bwrap,
      '--args',
      '3',
      '--json-status-fd',
      '6',
      '--',
      ...user,
      ...words,
    ],
    entered: true,
    env: TOOL_ENVIRONMENT,
    cwd: '/',
    command,
    execId,
    sandbox: {
      args: nulSeparated(args),
      namespaces: [`/proc/${container.pid}/ns/user`, `/proc/${container.pid}/ns/pid`],
      internal: [node.world.directory],
    },
  }
}

/**
 * What the programs in front of the container's own (a shell, setpriv) would drop, change or obey is given behind them, by words in
 * front of the command.
 */
function split(env: Readonly<Record<string, string>>, tools: Tools) {
  const entries = Object.entries(env)
  const foreign = entries.filter(([name]) => isForeignName(name)).map(([name, value]) => `${name}=${value}`)
  const known: Readonly<Record<string, string>> = Object.fromEntries(entries.filter(([name]) => !isForeignName(name)))
  return { known, behind: foreign.length > 0 ? [tools.env, ...foreign] : [] }
}

interface Identity {
  /** Who joins the user namespace, and is the program where it does not switch inside. */
  readonly as: ContainerUser
  readonly become: readonly string[]
  /** The user is taken inside, by setpriv: containers that share a PID namespace have one user namespace too. */
  readonly switchInside: boolean
}

function identityOf(parts: ContainerParts): Identity {
  const { container, sandbox, node } = parts
  const user = userOf(container)
  const switchInside = switchesInside(parts)
  const as = sandbox.record.pause ? ROOT : user
  const groups = switchInside ? [] : user.groups
  return { as, switchInside, become: node.spaces.become(sandbox.scope, { ...as, groups }) }
}

/** Only one user can join the namespace of the process that several containers share. */
function switchesInside({ container, sandbox, node }: ContainerParts): boolean {
  return sandbox.record.pause !== undefined && node.spaces.many && userOf(container).uid !== 0
}

const idWords = ({ uid, gid }: ContainerUser): string[] => ['--uid', String(uid), '--gid', String(gid)]

export function userOf({ record }: Container): ContainerUser {
  const { security } = record.config
  return {
    uid: security.runAsUser ?? 0,
    gid: security.runAsGroup ?? 0,
    groups: security.supplementalGroups,
  }
}

/** All that is the same for the program and for commands that come later. */
function inside(
  parts: ContainerParts,
  env: Readonly<Record<string, string>>,
  files: readonly string[],
  workingDir: string,
): string[] {
  const { sandbox, container } = parts
  const { capabilities } = container.record.config.security
  const given = capabilitiesOf(userOf(container).uid, capabilities)
  const needed = switchesInside(parts) ? ['SETUID', 'SETGID', 'SETPCAP'] : []
  return [
    '--unshare-uts',
    '--unshare-ipc',
    '--hostname',
    sandbox.record.config.hostname,
    ...['--cap-drop', 'ALL', ...[...given, ...needed].flatMap((name) => ['--cap-add', `CAP_${name}`])],
    ...['--clearenv', ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value])],
    ...files,
    ...['--chdir', workingDir],
  ]
}

function environment(parts: ContainerParts): Record<string, string> {
  const { container, sandbox, program, node } = parts
  const { config, form, id } = container.record
  const env: Record<string, string> = { PATH: node.path, HOME: node.home, HOSTNAME: sandbox.record.config.hostname }
  if (config.tty) env.TERM = 'xterm'
  Object.assign(env, program?.env)
  for (const { name, value } of config.env) env[name] = value
  if (form === 'plain') Object.assign(env, { [CONTAINER_VARIABLE]: id, [FABRIC_VARIABLE]: node.world.fabricId })
  return env
}

async function sandboxFiles(parts: ContainerParts, workingDir: string): Promise<string[]> {
  const { container, sandbox, program, node } = parts
  const { scope } = sandbox
  const programs = [...node.open.programFolders(scope, node.path), ...(program?.folder ? [program.folder] : [])]
  const shown = await node.open.show(scope, programs)
  const hidden = program?.folder ? hiddenFolder(program.folder) : []
  const known = new Set(shown.map((mount) => mount.target))
  const owner = node.spaces.hostId(scope, 0)
  const scratch = new Scratch(container.scratch, owner)
  return fileArguments({
    scratch,
    shm: new Scratch(sandbox.scratch, owner).own(join(sandbox.scratch, 'shm'), 0o1777),
    mounts: [...shown, ...hidden.filter((mount) => !known.has(mount.target)), ...podMounts(parts, scratch)],
    folders: [workingDir, node.home],
    covered: node.covered,
    readOnlyRoot: container.record.config.security.readOnlyRootFilesystem,
    isClosed: (folder) => node.open.isClosed(scope, folder),
  })
}

function podMounts({ container, sandbox }: ContainerParts, scratch: Scratch): MountRequest[] {
  const { config } = container.record
  const requests: MountRequest[] = []
  for (const name of ['hosts', 'hostname', 'resolv.conf']) {
    const source = join(sandbox.directory, name)
    if (!existsSync(source)) continue
    scratch.give(source, 0o644)
    requests.push({ source, target: `/etc/${name}`, readOnly: config.security.readOnlyRootFilesystem })
  }
  if (config.terminationMessagePath) {
    const source = join(container.directory, 'termination-log')
    closeSync(openSync(source, 'a'))
    scratch.give(source, 0o666)
    requests.push({ source, target: config.terminationMessagePath, readOnly: false })
  }
  for (const mount of config.mounts)
    requests.push({
      source: mount.hostPath,
      target: mount.containerPath,
      readOnly: mount.readOnly,
      ...(mount.realPath === undefined ? {} : { realPath: mount.realPath }),
    })
  return requests
}

function networkWords({ sandbox, node }: ContainerParts): string[] {
  const { address } = sandbox.record
  return address ? [node.tools.nsenter, `--net=/run/netns/${address.netns}`, '--'] : []
}

/** Becoming the user where no namespace does it. Without root there is nobody else to be. */
function switchWords({ tools }: NodeParts, user: ContainerUser): string[] {
  if ((user.uid === 0 && user.gid === 0 && user.groups.length === 0) || process.getuid?.() !== 0) return []
  const groups = user.groups.length > 0 ? `--groups=${user.groups.join(',')}` : '--clear-groups'
  return [tools.setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, groups, '--inh-caps=-all', '--']
}

function terminalWords(tools: Tools, command: readonly string[]): string[] {
  const line = `exec ${command.map(quote).join(' ')}`
  return [tools.script, '--quiet', '--flush', '--return', '--command', line, '/dev/null']
}

/** Arguments as bubblewrap reads them from a descriptor. A word with a NUL in it would become two, the second of its own choice. */
export function nulSeparated(words: readonly string[]): string {
  const bad = words.find((word) => word.includes('\0'))
  if (bad !== undefined) throw new RuntimeError('start-failed', `invalid argument: ${JSON.stringify(bad)} holds a NUL`)
  return words.map((word) => `${word}\0`).join('')
}

function writeWords(file: string, words: readonly string[]): void {
  writeFileSync(file, nulSeparated(words), { mode: 0o600 })
}

function readWords(file: string): string[] {
  return readFileSync(file, 'utf8').split('\0').slice(0, -1)
}
