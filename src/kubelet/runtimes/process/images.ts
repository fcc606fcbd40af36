/**
 * What an image means without images. A reference is mapped to a program (`ebb up --image my-app:latest=./app`), or the pod
 * says itself what to run (an explicit command), or nothing is known and the pull fails with a sentence that says what to type.
 */

import type { ImageUser } from '../../runtime.ts'

/** A program that stands for an image: what an image's configuration would hold. */
export interface ImageProgram {
  /** As the user typed it. */
  readonly reference: string
  /** Folder that holds the program, bound into the container at its own path; absent for a bare executable. */
  readonly folder?: string
  readonly entrypoint: readonly string[]
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly stopSignal?: string
  /** Who it runs as when its pod names nobody; absent: root. */
  readonly user?: ImageUser
  /** sha256:<hex>, of what the program was when it was mapped. */
  readonly id: string
}

/** docker.io/library/ and the tag :latest are filled in as Docker's references do: `nginx` -> `docker.io/library/nginx:latest`. */
export function normalizeReference(reference: string): string {
  let name = reference.trim()
  let digest = ''
  const at = name.indexOf('@')
  if (at >= 0) {
    digest = name.slice(at)
    name = name.slice(0, at)
  }
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const hasDomain = first === 'localhost' || first.includes('.') || first.includes(':') || first !== first.toLowerCase()
  if (slash < 0) name = `docker.io/library/${name}`
  else if (!hasDomain) name = `docker.io/${name}`
  else if (first === 'index.docker.io') name = `docker.io${name.slice(slash)}`
  const tagged = name.lastIndexOf(':') > name.lastIndexOf('/')
  return `${name}${tagged || digest ? '' : ':latest'}${digest}`
}

/** The program mapped to `reference`; a mapping without a tag stands for every tag of its repository. */
export function findProgram(programs: readonly ImageProgram[], reference: string): ImageProgram | undefined {
  const wanted = normalizeReference(reference)
  const exact = programs.find((program) => normalizeReference(program.reference) === wanted)
  if (exact) return exact
  const repository = withoutTag(wanted)
  return programs.find(
    (program) => !isTagged(program.reference) && withoutTag(normalizeReference(program.reference)) === repository,
  )
}

/** What `kubectl describe pod` shows after "Failed to pull image ...": the way out. */
export function imageMissingMessage(reference: string): string {
  return `no program is mapped to image "${reference}"; start ebb with --image ${reference}=./folder, or give the container a command`
}

/** The command line of a container: Kubernetes' table of command and args over the image's entry point and arguments. */
export function commandLine(
  program: ImageProgram | undefined,
  command: readonly string[],
  args: readonly string[],
): readonly string[] {
  if (command.length > 0) return [...command, ...args]
  const entrypoint = program?.entrypoint ?? []
  return [...entrypoint, ...(args.length > 0 ? args : (program?.args ?? []))]
}

function isTagged(reference: string): boolean {
  return reference.includes('@') || reference.lastIndexOf(':') > reference.lastIndexOf('/')
}

function withoutTag(normalized: string): string {
  const name = normalized.split('@')[0] as string
  const colon = name.lastIndexOf(':')
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name
}
