/** `ebb image`: changes what image references run in a running cluster, and shows it. */
import { CliError } from '../cli/cli-error.ts'
import { mapped, mappingOf, mappingTable, unmapped } from '../cli/image.ts'
import type { Language, Text } from '../cli/text.ts'
import type { ApiClient } from '../client/api-client.ts'
import { imagePaths, readMappingFile } from './image-arguments.node.ts'
import { theInstance, withClient } from './running.node.ts'

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
