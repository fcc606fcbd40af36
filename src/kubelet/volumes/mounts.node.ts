/** Mounts that the kubelet makes on a node with a mount namespace of its own; the host never sees them. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** Tools of the node run with nothing that a pod could have said. */
const TOOLS = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
/** Unmounting is looked at again so often: what is mounted over a mount comes to light only then. */
const ROUNDS_MAX = 10

/** Puts what descriptor `fd` stands for at `target`, and everything mounted below it. */
export function bindDescriptor(fd: number, target: string): Promise<void> {
  return run('mount', ['--no-canonicalize', '--rbind', `/proc/self/fd/${PASSED}`, target], fd)
}

export function mountMemory(target: string, bytes: number | undefined): Promise<void> {
  const options = ['mode=0777', 'nosuid', 'nodev', ...(bytes === undefined ? [] : [`size=${bytes}`])]
  return run('mount', ['--no-canonicalize', '-t', 'tmpfs', '-o', options.join(','), 'tmpfs', target])
}

/** Unmounts what is mounted at `path` and below, also what another process of this node has left. Rejects while something is left. */
export async function unmountBelow(path: string): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const points = await mountsBelow(path)
    if (points.length === 0) return
    // Lazily: a program that still has a file open there does not hold up the end of its pod.
    await run('umount', ['--no-canonicalize', '--lazy', ...points]).catch(() => {})
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

/** The number under which a tool finds the descriptor that it is given. */
const PASSED = 3

function run(tool: string, args: readonly string[], fd?: number): Promise<void> {
  const stdio = ['ignore', 'ignore', 'pipe', ...(fd === undefined ? [] : [fd])] as const
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { env: TOOLS, stdio: [...stdio] })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(said.trim() || `${tool} ended with ${code}`)),
    )
  })
}
