/**
 * What image references run in this cluster: kept in the data folder, beside them those given for one start only, and all of them
 * in a file of the run folder, at which the nodes look. Both files are replaced as a whole.
 */
import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { badRequest, failure } from '../api/status.ts'
import { writeWhole } from '../base/whole-file.node.ts'
import { ECHO_IMAGE, readProgram } from '../kubelet/runtimes/process/images.node.ts'

/** Name of both files. */
export const MAPPINGS_FILE = 'images.json'
/** More are refused: each is looked through at every start of a container. */
const MAPPINGS_MAX = 1_000

type Mappings = Readonly<Record<string, string>>

export interface MappingChange {
  readonly map?: Mappings
  readonly unmap?: readonly string[]
}

export class ImageMappings {
  /** What the nodes read. */
  readonly file: string
  private readonly keptFile: string | undefined
  private kept: Mappings
  private given: Mappings

  /** `given`: for this start only. `data` undefined: nothing is kept. Throws an Error for a kept file that cannot be read. */
  constructor(folders: { readonly data: string | undefined; readonly run: string }, given: Mappings) {
    this.file = join(folders.run, MAPPINGS_FILE)
    this.keptFile = folders.data && join(folders.data, MAPPINGS_FILE)
    this.kept = this.keptFile && existsSync(this.keptFile) ? readMappings(this.keptFile) : {}
    this.given = given
    writeWhole(this.file, text(this.all))
  }

  get all(): Mappings {
    return { ...without(this.kept, Object.keys(this.given)), ...this.given }
  }

  /** Throws an ApiError and changes nothing when one of them is wrong. Paths are absolute, or `ebb/echo`. */
  change(change: MappingChange): void {
    const { map = {}, unmap = [] } = change
    for (const [reference, path] of Object.entries(map)) check(reference, path)
    const { all } = this
    for (const reference of unmap)
      if (!(reference in all)) throw failure(404, 'NotFound', `no program is mapped to ${reference}`)
    const touched = [...Object.keys(map), ...unmap]
    const kept = { ...without(this.kept, touched), ...map }
    if (Object.keys(kept).length > MAPPINGS_MAX)
      throw badRequest(`no more than ${MAPPINGS_MAX} images can be mapped: unmap some, or use a pattern`)
    if (this.keptFile) writeWhole(this.keptFile, text(kept), { lasting: true })
    this.kept = kept
    this.given = without(this.given, touched)
    writeWhole(this.file, text(this.all))
  }
}

function check(reference: string, path: string): void {
  if (reference === '' || /\s/.test(reference)) throw badRequest(`"${reference}" is no image reference`)
  if (path === ECHO_IMAGE) return
  if (!isAbsolute(path)) throw badRequest(`${reference}=${path}: the path must be absolute`)
  try {
    readProgram(reference, path)
  } catch (error) {
    throw badRequest((error as Error).message)
  }
}

const without = (mappings: Mappings, names: readonly string[]): Mappings =>
  Object.fromEntries(Object.entries(mappings).filter(([name]) => !names.includes(name)))

function readMappings(file: string): Mappings {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as unknown
    if (typeof found === 'object' && found !== null && Object.values(found).every((path) => typeof path === 'string'))
      return found as Mappings
  } catch {
    // Said below.
  }
  throw new Error(`${file} does not hold image mappings: mend it or remove it, and map the images again`)
}

const text = (mappings: Mappings): string => `${JSON.stringify(mappings, null, 2)}\n`
