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
  /** An image of tools that the machine itself has. */
  readonly isTools?: boolean
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

/**
 * What stands for `reference`: a mapping of its very name; of its repository, when the mapping names no tag; of a pattern, in
 * which `*` stands for any characters, the one with most of its own characters first; of two alike the later one.
 */
export function findMapping<T extends { readonly reference: string }>(
  mappings: readonly T[],
  reference: string,
): T | undefined {
  const wanted = normalizeReference(reference)
  const last = (fits: (mapping: T) => boolean) => mappings.findLast((m) => !isPattern(m.reference) && fits(m))
  const exact = last((mapping) => normalizeReference(mapping.reference) === wanted)
  if (exact) return exact
  const repository = withoutTag(wanted)
  const byRepository = last(
    (mapping) => !isTagged(mapping.reference) && withoutTag(normalizeReference(mapping.reference)) === repository,
  )
  if (byRepository) return byRepository
  const names = [wanted, reference.trim(), wanted.replace(/^docker\.io\/(library\/)?/, '')]
  const fitting = mappings.filter((m) => isPattern(m.reference) && names.some((name) => fitsPattern(m.reference, name)))
  const own = ({ reference: pattern }: T) => pattern.replaceAll('*', '').length
  return fitting.reduce<T | undefined>((best, m) => (best && own(best) > own(m) ? best : m), undefined)
}

const isPattern = (reference: string): boolean => reference.includes('*')

/** In one pass over the name: the parts between the stars, each at its first place after the one before, the last at the end. */
function fitsPattern(pattern: string, name: string): boolean {
  const parts = pattern.trim().split('*')
  const head = parts[0] as string
  const tail = parts.at(-1) as string
  if (!name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length) return false
  let at = head.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= name.length - tail.length
}

/**
 * Images whose content is tools that a machine has too, and that have no entry point, or one that only hands over: their
 * arguments are the command. With the program that they run without arguments.
 */
const TOOLS: Readonly<Record<string, string>> = {
  ...{ busybox: 'sh', alpine: 'sh', debian: 'bash', ubuntu: 'bash', fedora: 'bash', centos: 'bash', bash: 'bash' },
  ...{ rockylinux: 'bash', almalinux: 'bash', amazonlinux: 'bash', archlinux: 'bash', 'buildpack-deps': 'bash' },
  ...{
    python: 'python3',
    node: 'node',
    perl: 'perl',
    ruby: 'irb',
    php: 'php',
    golang: 'bash',
    rust: 'bash',
    gcc: 'bash',
  },
}
/** Tools that are their image's entry point. */
const ENTRYPOINTS: Readonly<Record<string, string>> = {
  ...{ 'curlimages/curl': 'curl', 'alpine/curl': 'curl', 'alpine/git': 'git', 'bitnami/git': 'git' },
  ...{ 'bitnami/kubectl': 'kubectl', 'registry.k8s.io/kubectl': 'kubectl' },
}
/** Whatever registry they come from, nobody gives these names to an application. */
const EVERYWHERE = new Set(['busybox', 'alpine'])

/** The command line of an image of tools; undefined for any other image. */
export function toolImage(reference: string): Pick<ImageProgram, 'entrypoint' | 'args'> | undefined {
  const repository = withoutTag(normalizeReference(reference))
  const single = ENTRYPOINTS[repository.replace(/^docker\.io\//, '')]
  if (single) return { entrypoint: [single], args: [] }
  const name = repository.slice(repository.lastIndexOf('/') + 1)
  // A registry that calls itself invalid is there to be asked in vain, as Kubernetes' own tests do.
  const isReal = !repository.split('/', 1)[0]?.split('.').includes('invalid')
  const isOfficial = (isReal && EVERYWHERE.has(name)) || repository.endsWith(`/library/${name}`)
  const program = isOfficial ? TOOLS[name] : undefined
  return program === undefined ? undefined : { entrypoint: [], args: [program] }
}

/** What `kubectl describe pod` shows after "Failed to pull image ...": the way out. */
export function imageMissingMessage(reference: string): string {
  return `no program is mapped to image "${reference}": map one with "ebb image map ${reference}=./folder", or give the container a command`
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
