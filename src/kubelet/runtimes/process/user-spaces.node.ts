/**
 * The user namespaces that containers run in. Each is made once, empty, and held by a sleeping process; a container's bubblewrap
 * joins it as its owner, which gives it every capability inside and none outside.
 *
 * One for each user that containers run as: bubblewrap cannot become another user after it has joined, so it begins as the
 * right one, and only the owner of a namespace may join it.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch, TOOL_ENVIRONMENT } from '../../../base/child.node.ts'
import { RuntimeError } from '../../runtime.ts'
import { hasManyIds, hostId, type IdentityScope, idMap, largeIds } from './identity.ts'
import { isAlive, processStat, sendSignal } from './proc.node.ts'
import { readState, writeState } from './state-file.node.ts'
import type { Tools } from './tools.node.ts'
import type { NodeWorld } from './world.ts'

/** Who a container's program is: numbers as inside the container. */
export interface ContainerUser {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
}

export const ROOT: ContainerUser = { uid: 0, gid: 0, groups: [] }

export class UserSpaces {
  /** False: there is one id, and every user of a container is that one. */
  readonly many: boolean
  private readonly directory: string
  private readonly tools: Tools
  private readonly env: Readonly<Record<string, string>>
  private readonly holders = new Map<string, Promise<Holder>>()

  /** Holders are remembered in the node's directory for its next process; `env` marks them, so that the fabric's end finds them. */
  constructor(world: NodeWorld, tools: Tools, env: Readonly<Record<string, string>>) {
    this.directory = join(world.directory, 'users')
    this.tools = tools
    this.env = { ...TOOL_ENVIRONMENT, ...env }
    this.many = world.mode === 'namespaces' && hasManyIds(readFileSync('/proc/self/uid_map', 'utf8'))
    mkdirSync(this.directory, { recursive: true, mode: 0o700 })
    for (const key of readdirSync(this.directory)) this.takeUp(key)
  }

  /** Process whose user namespace a container of `user` joins. Throws RuntimeError start-failed when none can be made. */
  async holder(scope: IdentityScope, user: ContainerUser): Promise<number> {
    const large = largeIds([user.gid, ...user.groups])
    const key = this.many ? [scope, user.uid, ...large].join('-') : `one-${user.uid}-${user.gid}`
    const known = await this.holders.get(key)?.catch(() => undefined)
    if (known && isAlive(known.pid, known.startTicks)) return known.pid
    const made = this.make(key, scope, user)
    this.holders.set(key, made)
    return (await made).pid
  }

  /** Words that make a process of the node's user the owner of that namespace, with the container's groups. */
  become(scope: IdentityScope, user: ContainerUser): readonly string[] {
    if (!this.many) return []
    const groups = user.groups.map((id) => hostId(scope, id))
    const { uid, gid } = { uid: hostId(scope, user.uid), gid: hostId(scope, user.gid) }
    return [
      this.tools.setpriv,
      `--reuid=${uid}`,
      `--regid=${gid}`,
      groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
      '--',
    ]
  }

  /** The host's id of a user of a container, for the files that are made for it; the node's own where there is only that. */
  hostId(scope: IdentityScope, id: number): number {
    return this.many ? hostId(scope, id) : (process.getuid?.() ?? 0)
  }

  private async make(key: string, scope: IdentityScope, user: ContainerUser): Promise<Holder> {
    const { tools } = this
    // The owner is who makes it; that capability is needed where ordinary users may make none.
    const owner = this.many
      ? [
          ...this.become(scope, { ...user, groups: [] }).slice(0, -1),
          '--inh-caps=+sys_admin',
          '--ambient-caps=+sys_admin',
          '--',
        ]
      : []
    const words = [...owner, tools.unshare, '--user', '--', tools.sh, '-c', `echo; exec ${tools.sleep} infinity`]
    const child = launch(words[0] as string, words.slice(1), {
      env: this.env,
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    try {
      const pid = await new Promise<number>((resolve, reject) => {
        let errors = ''
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          errors += text
        })
        child.once('error', reject)
        child.once('close', () => reject(new Error(errors.trim() || 'unshare ended at once')))
        child.stdout.once('data', () => resolve(child.pid as number))
      })
      const more = [user.gid, ...user.groups]
      // Who is not root may map his group only when no other can be taken.
      if (!this.many) writeFileSync(`/proc/${pid}/setgroups`, 'deny')
      writeFileSync(
        `/proc/${pid}/uid_map`,
        this.many ? idMap(scope, [user.uid]) : `${user.uid} ${process.getuid?.()} 1`,
      )
      writeFileSync(`/proc/${pid}/gid_map`, this.many ? idMap(scope, more) : `${user.gid} ${process.getgid?.()} 1`)
      const holder = { pid, startTicks: processStat(pid)?.startTicks ?? '' }
      writeState(join(this.directory, key), holder)
      return holder
    } catch (error) {
      if (child.pid !== undefined) sendSignal(child.pid, 'SIGKILL')
      this.holders.delete(key)
      throw new RuntimeError('start-failed', `no user namespace for uid ${user.uid}: ${(error as Error).message}`)
    } finally {
      child.removeAllListeners('close')
      child.on('error', () => {})
      child.stdout.destroy()
      child.stderr.destroy()
      child.unref()
    }
  }

  private takeUp(key: string): void {
    try {
      const holder = readState<Holder>(join(this.directory, key), ['pid', 'startTicks'])
      if (holder && isAlive(holder.pid, holder.startTicks)) this.holders.set(key, Promise.resolve(holder))
    } catch {
      // It cannot be read: another is made.
    }
  }
}

interface Holder {
  readonly pid: number
  readonly startTicks: string
}
