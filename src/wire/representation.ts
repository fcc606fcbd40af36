/**
 * Other forms of stored objects: PartialObjectMetadata and Table, of meta.k8s.io/v1 and v1beta1. The metadata form is made
 * once per object and shared by lists, watches and table rows; cells are made anew, they show ages.
 */
import type { KubernetesObject, ListMeta } from '../api/object.ts'
import { badRequest, failure } from '../api/status.ts'
import { Encoded } from './encoded.ts'
import type { ListBody } from './exchange.ts'
import { listPieces, whole } from './list.ts'

export type MetaVersion = 'v1' | 'v1beta1'

/** `includeObject` of a request: what a table row carries besides its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** Throws ApiError 400 for a value that is none; nothing means Metadata. */
export function includeObjectOf(text: string | null): IncludeObject {
  if (text === null || text === '') return 'Metadata'
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`,
  )
}

/** 406 for a list asked for as a single PartialObjectMetadata, and the other way round. */
export function notAList(requested: string, what: string): Error {
  return failure(406, 'NotAcceptable', `you requested ${requested}, but the requested object is ${what}`)
}

const encoder = new TextEncoder()
const metaVersion = (version: MetaVersion) => `meta.k8s.io/${version}`

/** The object's metadata alone; made once per version. */
export function metadataOf(item: Encoded, version: MetaVersion): Encoded {
  return item.derived(`metadata:${version}`, () => {
    const { metadata } = item.object
    return new Encoded({ kind: 'PartialObjectMetadata', apiVersion: metaVersion(version), metadata }, item.revision)
  })
}

/** A PartialObjectMetadataList. Kubernetes writes an empty one with `items: null`. */
export function metadataList(metadata: ListMeta, items: readonly Encoded[], version: MetaVersion): ListBody {
  const head = { kind: 'PartialObjectMetadataList', apiVersion: metaVersion(version), metadata }
  const none = items.length === 0
  function* forms<T>(part: (form: Encoded) => T): Iterable<T> {
    for (const item of items) yield part(metadataOf(item, version))
  }
  return {
    type: 'list',
    object: () => ({ ...head, items: none ? null : [...forms((form) => form.object)] }),
    pieces: () =>
      none
        ? [encoder.encode(`${JSON.stringify({ ...head, items: null })}\n`)]
        : listPieces(
            head,
            forms((f) => f.bytes),
          ),
    head,
    field: 'items',
    entries: () => (none ? undefined : forms((form) => form.object)),
  }
}

interface TableColumn {
  readonly name: string
  readonly type: string
  readonly format?: string
  readonly description: string
  readonly priority: number
}

type Cells = readonly (string | number | boolean | null)[]

/** Where the contents of a kind's table come from: its declaration. */
export interface TableSource {
  readonly columns: readonly TableColumn[]
  /** `now` in ms since 1970. */
  row(object: KubernetesObject, now: number): Cells
  /** Conditions of a row: pods that have ended are Completed. */
  rowConditions?(object: KubernetesObject): readonly unknown[]
}

export interface TableOptions {
  readonly version: MetaVersion
  readonly includeObject: IncludeObject
  /** Milliseconds since 1970, for ages. */
  readonly now: number
}

interface Row {
  readonly cells: Cells
  readonly conditions?: readonly unknown[]
  readonly object: unknown
}

/** Renders objects of one kind as Tables. */
export class TableRenderer {
  private readonly source: TableSource
  private readonly options: TableOptions
  private readonly columns: readonly unknown[]

  constructor(source: TableSource, options: TableOptions) {
    this.source = source
    this.options = options
    this.columns = source.columns.map(({ name, type, format = '', description, priority }) => ({
      name,
      type,
      format,
      description,
      priority,
    }))
  }

  /** A Table of one row; in a watch only the first event has columns. */
  single(item: Encoded, options: { readonly columns: boolean }): { object(): unknown; bytes(): Uint8Array } {
    const head = this.head({ resourceVersion: item.object.metadata.resourceVersion ?? '' }, options.columns)
    return {
      object: () => ({ ...head, rows: [this.row(item)] }),
      bytes: () => whole(this.join(head, [item], TABLE_END)),
    }
  }

  list(metadata: ListMeta, items: readonly Encoded[]): ListBody {
    const head = this.head(metadata, true)
    return {
      type: 'list',
      object: () => ({ ...head, rows: [...this.rows(items)] }),
      pieces: () => this.join(head, items, LIST_END),
      head,
      field: 'rows',
      entries: () => this.rows(items),
    }
  }

  private *rows(items: readonly Encoded[]): Iterable<Row> {
    for (const item of items) yield this.row(item)
  }

  private head(metadata: ListMeta, columns: boolean) {
    const { resourceVersion, continue: token, remainingItemCount } = metadata
    return {
      kind: 'Table',
      apiVersion: metaVersion(this.options.version),
      metadata: { resourceVersion, continue: token, remainingItemCount },
      columnDefinitions: columns ? this.columns : null,
    }
  }

  private attached(item: Encoded): Encoded | undefined {
    if (this.options.includeObject === 'None') return undefined
    return this.options.includeObject === 'Object' ? item : metadataOf(item, this.options.version)
  }

  private cells(item: Encoded): Pick<Row, 'cells' | 'conditions'> {
    const cells = this.source.row(item.object, this.options.now)
    const conditions = this.source.rowConditions?.(item.object)
    return conditions?.length ? { cells, conditions } : { cells }
  }

  private row(item: Encoded): Row {
    return { ...this.cells(item), object: this.attached(item)?.object ?? null }
  }

  private *join(head: object, items: readonly Encoded[], end: Uint8Array): Iterable<Uint8Array> {
    yield encoder.encode(`${JSON.stringify(head).slice(0, -1)},"rows":[`)
    let comma = ''
    for (const item of items) {
      yield encoder.encode(`${comma}${JSON.stringify(this.cells(item)).slice(0, -1)},"object":`)
      yield this.attached(item)?.bytes ?? NULL
      yield ROW_END
      comma = ','
    }
    yield end
  }
}

const NULL = encoder.encode('null')
const ROW_END = encoder.encode('}')
const TABLE_END = encoder.encode(']}')
/** A list has its last newline with it; of one object it is the writer's. */
const LIST_END = encoder.encode(']}\n')
