/**
 * `/logs/` of a node, to be browsed. A real one shows its /var/log; here it is `pods/NAMESPACE_NAME_UID/CONTAINER/N.log` of that, and
 * nothing else of the machine. Source: Kubernetes' pkg/kubelet/server, which leaves it to Go's http.FileServer.
 */
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Pod } from '../api/types/core-v1.gen.ts'

export interface LoggingPods {
  list(): readonly Pod[]
  podDirectory(pod: Pod): string
}

/** Names in a folder end with a slash when they are folders themselves. */
type Entry = { readonly names: readonly string[] } | { readonly file: string }

/** `path`: what follows `/logs`, in parts; false when nothing is there, and nothing was said. */
export async function sendNodeLogs(
  pods: LoggingPods,
  path: readonly string[],
  response: ServerResponse,
): Promise<boolean> {
  const entry = await find(
    pods,
    path.filter((part) => part !== ''),
  )
  if (!entry) return false
  if ('file' in entry) {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    await pipeline(createReadStream(entry.file), response)
  } else if (path.at(-1) !== '') {
    response.writeHead(301, { location: `${path.at(-1) ?? 'logs'}/` }).end()
  } else {
    const lines = entry.names.map((name) => `<a href="${name}">${name}</a>\n`)
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<pre>\n${lines.join('')}</pre>\n`)
  }
  return true
}

async function find(pods: LoggingPods, path: readonly string[]): Promise<Entry | undefined> {
  const [top, name, ...rest] = path
  if (top === undefined) return { names: ['pods/'] }
  if (top !== 'pods') return undefined
  const known = new Map(pods.list().map((pod) => [folderName(pod), pod]))
  if (name === undefined) return { names: [...known.keys()].sort().map((folder) => `${folder}/`) }
  const pod = known.get(name)
  return pod && below(`${pods.podDirectory(pod)}/logs`, rest)
}

const folderName = ({ metadata: { namespace, name, uid } }: Pod) => `${namespace}_${name}_${uid}`

/** Only by names that the folder has: `..` is none of them, and links lead nowhere. */
async function below(folder: string, [name, ...rest]: readonly string[]): Promise<Entry | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  if (name === undefined)
    return { names: entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort() }
  const entry = entries.find((one) => one.name === name)
  if (entry?.isDirectory()) return below(`${folder}/${name}`, rest)
  return entry?.isFile() && rest.length === 0 ? { file: `${folder}/${name}` } : undefined
}
