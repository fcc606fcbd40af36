/**
 * OpenAPI as it is asked for over HTTP. Import this module when the first request for it comes: it brings all descriptions.
 *
 *   const { OpenApi } = await import('./openapi/openapi.ts')
 *   const openApi = new OpenApi(declarations, '1.36')
 *   openApi.index()              // bytes of GET /openapi/v3
 *   openApi.v3('apis/apps/v1')   // bytes of GET /openapi/v3/apis/apps/v1, undefined: 404
 *   openApi.v2()                 // bytes of GET /openapi/v2
 *   openApi.v2Protobuf()         // the same for clients that ask for protobuf: kubectl's check of a List, explain of old clients
 */
import { type DocumentParts, documentParts, documentV2, documentV3 } from './documents.ts'
import { documentProtobuf } from './gnostic.ts'
import { type DeclaredResource, openApiResource } from './resources.ts'

const encoder = new TextEncoder()
const json = (document: object) => encoder.encode(JSON.stringify(document))

export class OpenApi {
  private readonly parts: ReadonlyMap<string, DocumentParts>
  private readonly version: string
  private readonly documents = new Map<string, Uint8Array>()
  private indexBytes: Uint8Array | undefined
  private v2Hash: string | undefined

  /** `version` is Kubernetes' minor version, `1.36`. */
  constructor(declarations: readonly DeclaredResource[], version: string) {
    this.parts = documentParts(declarations.map(openApiResource))
    this.version = version
  }

  index(): Uint8Array {
    this.indexBytes ??= json({
      paths: Object.fromEntries(
        [...this.parts.keys()].map((path) => [
          path,
          { serverRelativeURL: `/openapi/v3/${path}?hash=${this.hash(path)}` },
        ]),
      ),
    })
    return this.indexBytes
  }

  /** `path` without slashes at its ends, as in the index. */
  v3(path: string): Uint8Array | undefined {
    const parts = this.parts.get(path)
    return parts && this.kept(path, () => json(documentV3(parts, this.version)))
  }

  v2(): Uint8Array {
    return this.kept('v2', () => json(this.documentV2()))
  }

  v2Protobuf(): Uint8Array {
    return this.kept('v2 protobuf', () => documentProtobuf(this.documentV2()))
  }

  /** Of both forms of version 2. */
  hashV2(): string {
    this.v2Hash ??= hash([...this.parts.keys()].map((path) => this.hash(path)).join(' '))
    return this.v2Hash
  }

  private documentV2() {
    return documentV2(this.parts.values(), this.version)
  }

  private kept(key: string, make: () => Uint8Array): Uint8Array {
    let bytes = this.documents.get(key)
    if (!bytes) {
      bytes = make()
      this.documents.set(key, bytes)
    }
    return bytes
  }

  /** Changes when what a document is made from changes; clients only compare it. undefined: no such document. */
  hash(path: string): string | undefined {
    const parts = this.parts.get(path)
    return parts && hash(`${this.version} ${JSON.stringify(parts)}`)
  }
}

/** 128 bits of FNV-1a in four lanes, in hex. Not cryptographic. */
function hash(text: string): string {
  const lanes = [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b]
  for (let i = 0; i < text.length; i++) {
    const lane = i & 3
    lanes[lane] = Math.imul((lanes[lane] as number) ^ text.charCodeAt(i), 0x01000193)
  }
  return lanes.map((lane) => (lane >>> 0).toString(16).padStart(8, '0').toUpperCase()).join('')
}
