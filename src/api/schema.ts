/**
 * The schema table of Kubernetes' API: what decoding, patching, apply and OpenAPI know about each definition.
 * A definition is parsed when it is first asked for; all of them together are about 570.
 *
 *   const pod = definition('io.k8s.api.core.v1.Pod')
 *   pod.fields.get('spec')?.type            // { kind: 'ref', definition: PodSpec }
 *   pod.fields.get('spec')!.type.definition.fields.get('containers')?.mergeKey   // 'name'
 *
 * Source: tools/generate-schema.mjs.
 */
import { assert } from '../base/assert.ts'
import { prefixes, table } from './types/schema.gen.ts'

export type ScalarKind =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  /** base64 */
  | 'byte'
  | 'quantity'
  | 'intOrString'
  | 'time'
  | 'microTime'
  /** Any JSON, kept as it is. */
  | 'raw'
  | 'rawExtension'
  | 'any'

export type Type =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'array' | 'map'; readonly of: Type }
  | { readonly kind: 'ref'; readonly goType: string; readonly definition: Definition }

type PatchStrategy = 'merge' | 'replace' | 'retainKeys'

/** All fields have all members, so that the engine finds them in one place: they are looked at for every value of every body. */
export interface Field {
  readonly name: string
  /** How managedFields name it: `f:NAME`. */
  readonly element: string
  /** Place in Kubernetes' order, from 0. */
  readonly place: number
  readonly type: Type
  /** In the `required` list of OpenAPI. */
  readonly required: boolean
  readonly mergeKey: string | undefined
  readonly strategies: readonly PatchStrategy[]
  readonly listType: 'atomic' | 'set' | 'map' | undefined
  readonly listKeys: readonly string[] | undefined
  readonly mapType: 'atomic' | 'granular' | undefined
  readonly enum: readonly string[] | undefined
  /** The enum of a list's elements. */
  readonly itemEnum: readonly string[] | undefined
  /** As published: real defaults, and the zero values of fields that are always written. */
  readonly default: unknown
  /** An empty value ('' 0 false [] {}) means absent: it is not written out. */
  readonly dropsEmpty: boolean
  /**
   * Set for fields that Kubernetes writes out even when nothing was given: '' 0 false null, or {} for a nested object.
   * Go's encoding of a value that is neither a pointer nor left out when empty.
   */
  readonly zero: '' | 0 | false | null | '0' | 'object' | undefined
  /** How Go names the type in error messages: `int32`, `v1.Protocol`, `[]v1.Container`. */
  readonly goType: string
  /** Full name of the field-less definition that OpenAPI refers to here, e.g. JSON of apiextensions. */
  readonly ref: string | undefined
}

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

export interface Definition {
  /** Full name, `io.k8s.api.core.v1.Pod`. */
  readonly name: string
  /** Last part, `Pod`: Go's name of the struct. */
  readonly short: string
  /** `v1.Pod`: how Go names the type in messages. */
  readonly goType: string
  readonly kinds: readonly GroupVersionKind[]
  readonly mapType?: 'atomic' | 'granular'
  readonly unions?: unknown
  readonly fields: ReadonlyMap<string, Field>
  /** Fields that have a `zero`. */
  readonly always: readonly Field[]
}

const SCALARS: Readonly<Record<string, ScalarKind>> = {
  s: 'string',
  b: 'boolean',
  i: 'int32',
  l: 'int64',
  d: 'double',
  y: 'byte',
  q: 'quantity',
  x: 'intOrString',
  t: 'time',
  m: 'microTime',
  r: 'raw',
  e: 'rawExtension',
  '*': 'any',
}

interface RawExtras {
  k?: string
  s?: string
  l?: 'atomic' | 'set' | 'map'
  n?: string[]
  m?: 'atomic' | 'granular'
  e?: string[]
  i?: string[]
  d?: unknown
  g?: string
  r?: string
}

interface RawDefinition {
  k?: string[]
  m?: 'atomic' | 'granular'
  u?: unknown
  f: Record<string, string | [string, RawExtras]>
}

const scalarTypes = new Map<string, Type>(Object.entries(SCALARS).map(([letter, kind]) => [letter, { kind }]))
const cache = new Map<string, Definition>()

/** `io.k8s.api.core.v1.Pod` -> `core.v1.Pod`. */
function shortOf(name: string): string {
  const parts = name.split('.')
  return parts.slice(-3).join('.')
}

/** The definition with that full name; undefined when the table has none. */
export function findDefinition(name: string): Definition | undefined {
  const found = cache.get(name)
  if (found) return found
  const short = shortOf(name)
  const text = table[short]
  if (text === undefined || fullName(short) !== name) return undefined
  const made = parse(name, JSON.parse(text) as RawDefinition)
  cache.set(name, made)
  return made
}

/** The definition with that full name. A name that the table lacks is a broken invariant. */
export function definition(name: string): Definition {
  const found = findDefinition(name)
  assert(found, `no definition ${name} in the schema table`)
  return found
}

let byKind: Map<string, string> | undefined

/** The definition of a kind, `{ group: 'apps', version: 'v1', kind: 'Deployment' }`. Parses the whole table once: for errors. */
export function definitionOfKind(k: GroupVersionKind): Definition | undefined {
  byKind ??= new Map(
    definitionNames().flatMap((name) => definition(name).kinds.map((own) => [kindKey(own), name] as const)),
  )
  const name = byKind.get(kindKey(k))
  return name === undefined ? undefined : definition(name)
}

const kindKey = (k: GroupVersionKind) => `${k.group}/${k.version}/${k.kind}`

/** Full names of all definitions, sorted by their short form. */
export function definitionNames(): string[] {
  return Object.keys(table).map(fullName)
}

function fullName(short: string): string {
  return `${prefixes[short.slice(0, short.indexOf('.'))]}${short.slice(short.indexOf('.'))}`
}

function parse(name: string, raw: RawDefinition): Definition {
  const [, version = '', short = ''] = shortOf(name).split('.')
  const fields = new Map<string, Field>()
  for (const [field, entry] of Object.entries(raw.f)) {
    const [code, extras] = typeof entry === 'string' ? [entry, {}] : entry
    fields.set(field, parseField(field, fields.size, code, extras))
  }
  return {
    name,
    short,
    goType: `${version}.${short}`,
    kinds: (raw.k ?? []).map(parseKind),
    ...(raw.m ? { mapType: raw.m } : {}),
    ...(raw.u ? { unions: raw.u } : {}),
    fields,
    always: [...fields.values()].filter((f) => f.zero !== undefined),
  }
}

function parseKind(text: string): GroupVersionKind {
  const parts = text.split('/')
  const kind = parts.at(-1) ?? ''
  return { group: parts.length === 3 ? (parts[0] ?? '') : '', version: parts.at(-2) ?? '', kind }
}

const GO_NAMES: Readonly<Partial<Record<ScalarKind, string>>> = {
  boolean: 'bool',
  byte: '[]uint8',
  double: 'float64',
  time: 'v1.Time',
  microTime: 'v1.MicroTime',
  quantity: 'resource.Quantity',
  intOrString: 'intstr.IntOrString',
}

/** Go's name of a type that has none of its own. */
function goTypeOf(type: Type): string {
  if (type.kind === 'array') return `[]${goTypeOf(type.of)}`
  if (type.kind === 'map') return `map[string]${goTypeOf(type.of)}`
  return type.kind === 'ref' ? type.goType : (GO_NAMES[type.kind] ?? type.kind)
}

function parseField(name: string, place: number, text: string, extras: RawExtras): Field {
  const at = text.search(/[^!^?~]/)
  const marks = text.slice(0, at)
  const type = parseType(text.slice(at))
  return {
    name,
    element: `f:${name}`,
    place,
    type,
    required: marks.includes('!'),
    strategies: (extras.s ? extras.s.split(',') : []) as PatchStrategy[],
    dropsEmpty: marks.includes('?') && !marks.includes('^') && type.kind !== 'ref' && !(type.kind in STRUCT_ZERO),
    goType: extras.g ?? goTypeOf(type),
    mergeKey: extras.k,
    listType: extras.l,
    listKeys: extras.n,
    mapType: extras.m,
    enum: extras.e,
    itemEnum: extras.i,
    ref: extras.r,
    default: extras.d,
    zero: zeroOf(type, marks),
  }
}

/** Scalars that Go holds as structs: `omitempty` does not leave them out. */
const STRUCT_ZERO: Readonly<Partial<Record<Type['kind'], Field['zero']>>> = {
  time: null,
  microTime: null,
  quantity: '0',
  intOrString: 0,
  rawExtension: null,
}

function zeroOf(type: Type, marks: string): Field['zero'] {
  if (marks.includes('~')) return undefined
  if (marks.includes('^')) return marks.includes('?') ? undefined : null
  if (type.kind === 'ref') return 'object'
  if (type.kind in STRUCT_ZERO) return STRUCT_ZERO[type.kind]
  if (marks.includes('?')) return undefined
  if (type.kind === 'string') return ''
  if (type.kind === 'boolean') return false
  return type.kind === 'int32' || type.kind === 'int64' || type.kind === 'double' ? 0 : null
}

function parseType(code: string): Type {
  const scalar = scalarTypes.get(code)
  if (scalar) return scalar
  if (code.startsWith('[')) return { kind: 'array', of: parseType(code.slice(1)) }
  if (code.startsWith('{')) return { kind: 'map', of: parseType(code.slice(1)) }
  assert(code.startsWith('@'), `unknown type code ${code}`)
  return new RefType(fullName(code.slice(1)))
}

/** Resolves on first use, so that a definition does not pull in all that it mentions. */
class RefType {
  readonly kind = 'ref'
  private readonly to: string
  private resolved: Definition | undefined
  constructor(to: string) {
    this.to = to
  }
  get goType(): string {
    return this.to.split('.').slice(-2).join('.')
  }
  get definition(): Definition {
    this.resolved ??= definition(this.to)
    return this.resolved
  }
}
