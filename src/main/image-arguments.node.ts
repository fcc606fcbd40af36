/** Mappings of images as the command line gives them. Apart from `ebb image`, so that `ebb up` loads no client. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CliError } from '../cli/cli-error.ts'
import { type Mapping, mappingFile } from '../cli/image.ts'
import { ECHO_IMAGE, readProgram } from '../kubelet/runtimes/process/images.node.ts'
import { systemError } from './system-error.node.ts'

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
