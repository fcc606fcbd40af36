/** Programs that stand for images, read from the disk: a folder with an ebb.json or a package.json, or an executable. */
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { ImageUser } from '../../runtime.ts'
import { findMapping, type ImageProgram, toolImage } from './images.ts'

/** The file that tells what to run, in a mapped folder. Every field may be missing except `command`. */
interface ProgramFile {
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly stopSignal?: string
  /** `1000` or `1000:1000`, user and group, as the USER of an image. */
  readonly user?: number | string
}

/** Reads what the mapping REF=PATH means, `path` absolute. Throws an Error with one sentence and a way out. */
export function readProgram(reference: string, path: string): ImageProgram {
  const option = `${reference}=${path}`
  if (!existsSync(path)) throw new Error(`${option}: there is no such file or folder`)
  const real = realpathSync(path)
  if (statSync(real).isFile()) return executable(reference, real, option)
  const folder = programFolder(real, option)
  return {
    reference,
    folder: real,
    entrypoint: folder.command ?? [],
    args: folder.args ?? [],
    env: folder.env ?? {},
    workingDir: resolve(real, folder.workingDir ?? '.'),
    ...(folder.stopSignal === undefined ? {} : { stopSignal: folder.stopSignal }),
    ...(folder.user === undefined ? {} : { user: userOf(folder.user, option) }),
    id: imageId(reference, JSON.stringify(folder), real),
  }
}

/** The reference of the built-in demo image, and the path that maps another reference to it. */
export const ECHO_IMAGE = 'ebb/echo'

/** What stands for a reference at the moment. Throws an Error with one sentence when what it is mapped to cannot be read. */
export type FindProgram = (reference: string) => ImageProgram | undefined

/**
 * The programs of a node. `file` holds the mappings as JSON, `{"REFERENCE": "PATH"}`, a path absolute or `ebb/echo`, whose bundle
 * is `echoFile`; it is looked at again whenever it has changed. The built-in image comes first, so that a mapping of the
 * same name wins, and images of tools come last of all.
 */
export function programsOf(file: string, echoFile: string): FindProgram {
  const builtIn = { reference: ECHO_IMAGE, path: ECHO_IMAGE }
  let seen = ''
  let mappings = [builtIn]
  let programs = new Map<string, ImageProgram>()
  const look = () => {
    const now = stampOf(file)
    if (now === seen) return
    const kept = now === '' ? {} : (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)
    mappings = [builtIn, ...Object.entries(kept).map(([reference, path]) => ({ reference, path }))]
    programs = new Map()
    seen = now
  }
  return (reference) => {
    look()
    const mapping = findMapping(mappings, reference)
    if (!mapping) return toolProgram(reference)
    const { path } = mapping
    const known = programs.get(mapping.reference)
    if (known) return known
    const program =
      path === ECHO_IMAGE ? echoProgram(mapping.reference, echoFile) : readProgram(mapping.reference, path)
    programs.set(mapping.reference, program)
    return program
  }
}

/** Changes with the file's content: it is always replaced, never written in place. Empty when there is none. */
function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false })
  return stat ? `${stat.ino} ${stat.mtimeMs}` : ''
}

export function toolProgram(reference: string): ImageProgram | undefined {
  const tool = toolImage(reference)
  return tool && { reference, ...tool, env: {}, isTools: true, id: imageId(reference) }
}

/** Small young generation: a demo server needs none, and many run at once. */
function echoProgram(reference: string, file: string): ImageProgram {
  const entrypoint = [process.execPath, '--max-semi-space-size=1', file]
  return {
    reference,
    folder: dirname(file),
    entrypoint,
    args: [],
    env: {},
    workingDir: '/',
    id: imageId(reference, file),
  }
}

/** An id like that of an image: stable for the same name and the same program. */
export function imageId(...parts: readonly string[]): string {
  return `sha256:${createHash('sha256').update(parts.join('\0')).digest('hex')}`
}

function executable(reference: string, file: string, option: string): ImageProgram {
  let entrypoint = [file]
  if (['.js', '.mjs', '.cjs'].includes(extname(file))) entrypoint = [process.execPath, file]
  else if (!isExecutable(file))
    throw new Error(`${option}: the file is not executable: chmod +x it, or map a folder with an ebb.json`)
  const { mtimeMs, size } = statSync(file)
  const id = imageId(reference, file, String(mtimeMs), String(size))
  return { reference, folder: dirname(file), entrypoint, args: [], env: {}, workingDir: dirname(file), id }
}

function programFolder(folder: string, option: string): ProgramFile {
  const own = join(folder, 'ebb.json')
  if (existsSync(own)) {
    const program = parse(own, option) as ProgramFile
    if (!Array.isArray(program.command) || program.command.some((word) => typeof word !== 'string'))
      throw new Error(
        `${option}: ebb.json needs "command", a list of words, for example {"command": ["node", "server.js"]}`,
      )
    return { ...program, command: program.command.map((word, i) => (i === 0 ? absoluteWord(folder, word) : word)) }
  }
  const pack = join(folder, 'package.json')
  if (existsSync(pack)) {
    const { scripts, main } = parse(pack, option) as { scripts?: { start?: string }; main?: string }
    // exec, so that the program itself is PID 1 and gets the stop signal; a shell with more to do stays in between, as in an image.
    if (scripts?.start) return { command: ['/bin/sh', '-c', execForm(scripts.start)] }
    if (main) return { command: [process.execPath, join(folder, main)] }
  }
  const single = join(folder, basename(folder))
  if (existsSync(single) && isExecutable(single)) return { command: [single] }
  throw new Error(
    `${option}: nothing says what to run: add an ebb.json such as {"command": ["node", "server.js"]}, or "scripts": {"start": ...} to a package.json`,
  )
}

function userOf(user: number | string, option: string): ImageUser {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(String(user))
  if (!match) throw new Error(`${option}: ebb.json needs "user" to be a number, or "UID:GID"`)
  return { uid: Number(match[1]), ...(match[2] === undefined ? {} : { gid: Number(match[2]) }) }
}

/** `node server.js` -> `exec node server.js`; a line with several commands stays as it is. */
function execForm(line: string): string {
  return /[;&|<>()`$\n]/.test(line) || /^\s*[A-Za-z_]\w*=/.test(line) ? line : `exec ${line.trim()}`
}

function absoluteWord(folder: string, word: string): string {
  return word.startsWith('./') || word.startsWith('../') ? resolve(folder, word) : word
}

function parse(file: string, option: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`${option}: ${basename(file)} is not JSON: ${(error as Error).message}`)
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
