/** `ebb image`: changes what image references run in a running cluster, and shows it. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CliError } from '../cli/cli-error.ts'
import { type Mapping, mapped, mappingFile, mappingOf, mappingTable, unmapped } from '../cli/image.ts'
import type { Language, Text } from '../cli/text.ts'
import type { ApiClient } from '../client/api-client.ts'
import { ECHO_IMAGE, readProgram } from '../kubelet/runtimes/process/images.node.ts'
import { theInstance, withClient } from './running.node.ts'
import { systemError } from './system-error.node.ts'

const PATH = '/ebb/v1/images'

/** `file`: more mappings, of which those on the command line win. */
export async function imageMap(
  texts: readonly string[],
  file: string | undefined,
  port: string | undefined,
  language: Language,
): Promise<void> {
  if (texts.length === 0 && file === undefined) throw new CliError(NOTHING, 2)
  const map = imagePaths([...(file === undefined ? [] : readMappingFile(file)), ...texts.map(mappingOf)])
  await withClient(theInstance(port), language, async (client) => {
    await client.call('POST', PATH, { map })
    for (const [reference, path] of Object.entries(map)) say(mapped(reference, path)[language])
  })
}

const NOTHING: Text = {
  en: 'nothing to map: ebb image map REFERENCE=PATH, or --images FILE',
  ko: '연결할 것이 없습니다: ebb image map 이미지=경로, 또는 --images 파일',
}

export async function imageList(port: string | undefined, language: Language): Promise<void> {
  await withClient(theInstance(port), language, async (client) => {
    process.stdout.write(mappingTable(await mappings(client), language))
  })
}

export async function imageUnmap(
  references: readonly string[],
  port: string | undefined,
  language: Language,
): Promise<void> {
  await withClient(theInstance(port), language, async (client) => {
    const known = await mappings(client)
    const unknown = references.find((reference) => !(reference in known))
    if (unknown !== undefined)
      throw new CliError({
        en: `no program is mapped to ${unknown}; "ebb image ls" shows what is`,
        ko: `${unknown} 에 연결된 프로그램이 없습니다. "ebb image ls"로 연결된 것을 볼 수 있습니다`,
      })
    await client.call('POST', PATH, { unmap: references })
    for (const reference of references) say(unmapped(reference)[language])
  })
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function mappings(client: ApiClient): Promise<Readonly<Record<string, string>>> {
  return (await client.call('GET', PATH)) as Record<string, string>
}

/** Paths in the file begin at its folder. */
export function readMappingFile(file: string): Mapping[] {
  const folder = dirname(resolve(file))
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw systemError(error, (why) => ({
      en: `--images ${file}: it cannot be read (${why.en})`,
      ko: `--images ${file}: 읽을 수 없습니다(${why.ko})`,
    }))
  }
  return mappingFile(text, file).map(([reference, path]) => [
    reference,
    path === ECHO_IMAGE ? path : resolve(folder, path),
  ])
}

/** Absolute paths, checked: a typing error is seen here, not in a pod's status. `ebb/echo` names the built-in image. */
export function imagePaths(given: Iterable<Mapping>): Readonly<Record<string, string>> {
  const out: Record<string, string> = {}
  for (const [reference, path] of given) {
    const absolute = path === ECHO_IMAGE ? path : resolve(path)
    try {
      if (absolute !== ECHO_IMAGE) readProgram(reference, absolute)
    } catch (error) {
      throw new CliError(`--image ${(error as Error).message}`)
    }
    out[reference] = absolute
  }
  return out
}
