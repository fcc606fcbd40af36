/** Mounts that the kubelet makes on a node with a mount namespace of its own; the host never sees them. */
import { readFile } from 'node:fs/promises'
import { GIVEN_DESCRIPTOR, runTool } from '../../base/child.node.ts'

/** Unmounting is looked at again so often: what is mounted over a mount comes to light only then. */
const ROUNDS_MAX = 10

/** Puts what descriptor `fd` stands for at `target`, and everything mounted below it. */
export function bindDescriptor(fd: number, target: string): Promise<void> {
  return runTool('mount', ['--no-canonicalize', '--rbind', `/proc/self/fd/${GIVEN_DESCRIPTOR}`, target], fd)
}

export function mountMemory(target: string, bytes: number | undefined): Promise<void> {
  const options = ['mode=0777', 'nosuid', 'nodev', ...(bytes === undefined ? [] : [`size=${bytes}`])]
  return runTool('mount', ['--no-canonicalize', '-t', 'tmpfs', '-o', options.join(','), 'tmpfs', target])
}

/** Unmounts what is mounted at `path` and below, also what another process of this node has left. Rejects while something is left. */
export async function unmountBelow(path: string): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const points = await mountsBelow(path)
    if (points.length === 0) return
    // Lazily: a program that still has a file open there does not hold up the end of its pod.
    await runTool('umount', ['--no-canonicalize', '--lazy', ...points]).catch(() => {})
  }
  const [left] = await mountsBelow(path)
  if (left !== undefined) throw new Error(`${left} cannot be unmounted`)
}

/** Mount points at `path` or below, the deepest first. */
export async function mountsBelow(path: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  const points = table.split('\n').map((line) => unescaped(line.split(' ')[4] ?? ''))
  const below = points.filter((point) => point === path || point.startsWith(`${path}/`))
  return [...new Set(below)].sort((a, b) => b.length - a.length)
}

/** `\040` is a blank. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
