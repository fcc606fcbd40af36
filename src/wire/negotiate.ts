/** What an Accept header asks for. Source: Kubernetes API concepts, "Alternate representations", "Receiving resources as Tables". */
import { type ApiError, failure } from '../api/status.ts'

type Shape = 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'

export interface Negotiated {
  readonly format: 'json' | 'yaml'
  /** Absent: the object as it is. */
  readonly as?: Shape
  /** Version of meta.k8s.io that `as` is wanted in. */
  readonly version: 'v1' | 'v1beta1'
}

const PLAIN: Negotiated = { format: 'json', version: 'v1' }
/** Protobuf is what real servers name here too; ebb answers clients that take nothing else with this 406. */
const MEDIA_TYPES = 'application/json, application/yaml, application/vnd.kubernetes.protobuf'
const SHAPES: readonly string[] = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']

interface MediaRange {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
  readonly quality: number
}

/** The parts of an Accept header, best first. */
export function mediaRanges(accept: string): readonly MediaRange[] {
  const ranges = accept.split(',').map((part) => {
    const [type = '', ...rest] = part.split(';').map((text) => text.trim())
    const parameters = Object.fromEntries(rest.map((text) => text.split('=', 2) as [string, string]))
    return { type: type.toLowerCase(), parameters, quality: 'q' in parameters ? Number(parameters.q) : 1 }
  })
  return ranges.filter((range) => range.type !== '').sort((a, b) => b.quality - a.quality)
}

const memo = new Map<string, Negotiated>()
/** Distinct Accept headers that are remembered; more are parsed each time. */
const MEMO_MAX = 100

/** Throws ApiError 406. No header means JSON. */
export function negotiate(accept: string | undefined): Negotiated {
  if (accept === undefined || accept === '' || accept === 'application/json' || accept === '*/*') return PLAIN
  const known = memo.get(accept)
  if (known) return known
  const ranges = mediaRanges(accept)
  if (ranges.length === 0) return PLAIN
  const made = ranges.map(understood).find((found) => found !== undefined)
  if (!made) throw notAcceptable(ranges)
  if (memo.size < MEMO_MAX) memo.set(accept, made)
  return made
}

/** For what has no Table: 406 for who takes nothing else. Others get the answer as it is. */
export function refuseTable(accept: string | undefined): void {
  if (!accept?.includes('as=Table')) return
  const ranges = mediaRanges(accept)
  const others = ranges.filter(({ parameters }) => parameters.as !== 'Table')
  if (!others.some(understood)) throw notAcceptable(ranges)
}

function formatOf(type: string): 'json' | 'yaml' | undefined {
  if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'json'
  return type === 'application/yaml' ? 'yaml' : undefined
}

function understood({ type, parameters }: MediaRange): Negotiated | undefined {
  const format = formatOf(type)
  if (!format) return undefined
  const { as, g, v } = parameters
  if (as === undefined) return g === undefined && v === undefined ? { format, version: 'v1' } : undefined
  if (!SHAPES.includes(as) || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined
  return { format, as: as as Shape, version: v }
}

/** Which form of the documents at /api and /apis is wanted; KEP-3352's v2beta1 is gone. Throws ApiError 406. */
export function negotiateDiscovery(accept: string | undefined): 'aggregated' | 'plain' {
  const ranges = mediaRanges(accept ?? '')
  for (const { type, parameters } of ranges) {
    if (!formatOf(type)) continue
    const { as, g, v } = parameters
    if (as === undefined && g === undefined && v === undefined) return 'plain'
    if (as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && v === 'v2') return 'aggregated'
  }
  if (ranges.length === 0) return 'plain'
  throw notAcceptable(ranges)
}

function notAcceptable(ranges: readonly MediaRange[]): ApiError {
  if (ranges.some(({ type }) => formatOf(type)))
    return failure(406, 'NotAcceptable', `only the following media types are accepted: ${MEDIA_TYPES}`)
  return failure(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${MEDIA_TYPES}`, {})
}
