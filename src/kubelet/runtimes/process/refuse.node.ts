/**
 * What pods leave on the disk goes in batches. A folder is moved out of the way, which takes one call and leaves nothing at its
 * name; what has gathered is removed by one `rm`. A container has some hundred files and folders: removed
 * one by one from here, those of a hundred pods that end together would keep the last of them waiting.
 */
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from '../../../base/child.node.ts'
import type { Clock, Timer } from '../../../base/clock.ts'
import { removeTree } from './remove-tree.node.ts'
import type { Tools } from './tools.node.ts'

/** Folders gather so long, in ms: starting a tool holds up the node process, and pods that end together do so within about this. */
const GATHER_MS = 1_000

export class Refuse {
  private readonly directory: string
  private readonly tools: Tools
  private readonly clock: Clock
  private count = 0
  private gathering: { readonly folder: string; readonly timer: Timer } | undefined
  private removing: Promise<void> = Promise.resolve()

  /** `directory` must be on the file system of what is taken; what an earlier node process left in it is removed. */
  constructor(directory: string, tools: Tools, clock: Clock) {
    this.directory = directory
    this.tools = tools
    this.clock = clock
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(directory)) this.remove(join(directory, name))
  }

  /** Nothing is at `folder` when this resolves. What is missing is no trouble. */
  async take(folder: string): Promise<void> {
    try {
      renameSync(folder, join(this.batch(), String(this.count++)))
    } catch {
      // What cannot be moved is removed where it is.
      await removeTree(folder)
    }
  }

  /** What has been taken is removed when this resolves. */
  async close(): Promise<void> {
    this.emptied()
    await this.removing
  }

  /** The folder that gathers at the moment. */
  private batch(): string {
    if (!this.gathering) {
      const folder = join(this.directory, `${process.pid}-${this.count++}`)
      mkdirSync(folder, { mode: 0o700 })
      this.gathering = { folder, timer: this.clock.setTimer(GATHER_MS, () => this.emptied()) }
    }
    return this.gathering.folder
  }

  private emptied(): void {
    if (!this.gathering) return
    this.gathering.timer.cancel()
    this.remove(this.gathering.folder)
    this.gathering = undefined
  }

  /** One batch after the other. An ordinary user's rm does not get into what a pod has locked, nor starts without descriptors. */
  private remove(folder: string): void {
    // Not at a lower priority: beside a busy machine the end of ebb would wait for it.
    this.removing = this.removing.then(() => runTool(this.tools.rm, ['-rf', folder]).catch(() => removeTree(folder)))
  }
}
