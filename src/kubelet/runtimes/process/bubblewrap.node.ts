/** Whether bubblewrap is there and can do here what containers need of it. */
import { launch, TOOL_ENVIRONMENT } from '../../../base/child.node.ts'
import { findTools, type Tools } from './tools.node.ts'

const NEEDED = ['--unshare-user', '--unshare-pid', '--as-pid-1', '--json-status-fd', '3']
/** What a program needs to start. Not all of the host: mounts that end meanwhile would look like a fault of bubblewrap's. */
const FILES = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/nix', '/gnu'].flatMap((path) => [
  '--ro-bind-try',
  path,
  path,
])

/** undefined when it works; else the rest of a sentence that begins with its name. Costs one start of it, about 5 ms. */
export function bubblewrapTrouble(tools: Tools = findTools()): Promise<string | undefined> {
  if (process.platform !== 'linux') return Promise.resolve('is for Linux only')
  return new Promise((resolve) => {
    const child = launch(tools.bwrap, [...NEEDED, ...FILES, '--proc', '/proc', '--dev', '/dev', 'true'], {
      env: TOOL_ENVIRONMENT,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    })
    let errors = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(0, 300)
    })
    child.stdio[3]?.on('data', () => {})
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ENOENT' ? 'is missing (Debian package bubblewrap)' : `cannot be started (${error.message})`,
      ),
    )
    child.once('close', (code) => resolve(code === 0 ? undefined : `does not work here (${errors.trim()})`))
  })
}
