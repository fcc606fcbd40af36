/**
 * The OpenAPI documents of what is served: one of version 3 per group version, with an index whose addresses carry hashes, and
 * one of version 2 for everything. Built when first asked for, kept as bytes.
 */
import { groupNames, type Operation, operationsOf, type Parameter, type PathOperations } from './operations.ts'
import type { OpenApiResource } from './resources.ts'
import { type Dialect, refTo, type Schema, schemasFor } from './schemas.ts'

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const OBJECT_TYPES = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml']
const SECURITY = {
  BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' },
}

/** A document of the index: `api/v1`, `apis/apps`, `version`. */
export interface DocumentParts {
  /** Of its kinds; '' for the core group and for none. */
  readonly group: string
  readonly version: string
  readonly paths: readonly (PathOperations & { readonly tag: string })[]
  /** Definitions that belong to it although no operation names them: kinds of exec and log options. */
  readonly definitions: readonly string[]
}

/** What the index lists, by the path behind /openapi/v3/. */
export function documentParts(resources: readonly OpenApiResource[]): Map<string, DocumentParts> {
  const out = new Map<string, DocumentParts>()
  out.set('api', discovery('core', '/api/', 'get available API versions', ['getCoreAPIVersions', 'APIVersions']))
  out.set('apis', discovery('apis', '/apis/', 'get available API versions', ['getAPIVersions', 'APIGroupList']))
  out.set('version', versionParts())
  const byVersion = new Map<string, OpenApiResource[]>()
  for (const resource of resources) {
    const key = resource.group ? `apis/${resource.group}/${resource.version}` : `api/${resource.version}`
    byVersion.set(key, [...(byVersion.get(key) ?? []), resource])
  }
  for (const [key, list] of byVersion) {
    const { group = '', version = '' } = list[0] ?? {}
    const names = groupNames(group, version)
    if (group) {
      const id = names.id.slice(0, -version.length)
      const tag = names.tag.slice(0, -version.length - 1)
      out.set(
        `apis/${group}`,
        discovery(tag, `/apis/${group}/`, 'get information of a group', [`get${id}APIGroup`, 'APIGroup']),
      )
    }
    const available = discovery(names.tag, `/${key}/`, 'get available resources', [
      `get${names.id}APIResources`,
      'APIResourceList',
    ])
    const paths = list.flatMap(operationsOf).map((path) => ({ ...path, tag: names.tag }))
    const sorted = [...available.paths, ...paths].sort((a, b) => (a.path < b.path ? -1 : 1))
    out.set(key, { group, version, paths: sorted, definitions: list.map((resource) => resource.definition) })
  }
  return new Map([...out].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function discovery(tag: string, path: string, description: string, names: [id: string, kind: string]): DocumentParts {
  const [id, kind] = names
  const operation: Operation = {
    method: 'get',
    id,
    description,
    parameters: [],
    codes: [200],
    answer: `${META}.${kind}`,
    types: OBJECT_TYPES,
  }
  return { group: '', version: '', paths: [{ path, tag, operations: [operation] }], definitions: [] }
}

function versionParts(): DocumentParts {
  const { paths } = discovery('version', '/version/', 'get the version information for this server', [
    'getCodeVersion',
    '',
  ])
  const [path] = paths
  const operations = (path?.operations ?? []).map((operation) => ({
    ...operation,
    answer: 'io.k8s.apimachinery.pkg.version.Info',
    types: ['application/json'],
  }))
  return { group: '', version: '', paths: [{ path: '/version/', tag: 'version', operations }], definitions: [] }
}

const CODE_TEXT: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }

/** Parameters that all operations of a path have, and a test for the others. */
function shared(operations: readonly Operation[]): { common: readonly Parameter[]; own(p: Parameter): boolean } {
  const [first, ...rest] = operations
  const same = (a: Parameter) => (b: Parameter) => a.name === b.name && a.description === b.description
  const common = (first?.parameters ?? []).filter((p) => rest.every((other) => other.parameters.some(same(p))))
  return { common, own: (p) => !common.some(same(p)) }
}

/** Keys of an operation that both versions have. */
function described(operation: Operation, tag: string): { start: Schema; end: Schema } {
  return {
    start: { tags: [tag], description: operation.description, operationId: operation.id },
    end: {
      ...(operation.action ? { 'x-kubernetes-action': operation.action } : {}),
      ...(operation.kind ? { 'x-kubernetes-group-version-kind': operation.kind } : {}),
    },
  }
}

function operationV3(operation: Operation, tag: string, own: readonly Parameter[]): Schema {
  const { start, end } = described(operation, tag)
  const { body, answer } = operation
  const content = (types: readonly string[], schema: Schema) =>
    Object.fromEntries(types.map((type) => [type, { schema }]))
  const answered = content(operation.types, answer ? refTo(answer, 'v3') : { type: 'string' })
  return {
    ...start,
    ...(own.length ? { parameters: own } : {}),
    ...(body
      ? {
          requestBody: {
            content: content(body.types, refTo(body.definition, 'v3')),
            ...(body.required ? { required: true } : {}),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(operation.codes.map((code) => [code, { description: CODE_TEXT[code], content: answered }])),
      401: { description: 'Unauthorized' },
    },
    ...end,
  }
}

function parameterV2({ schema, ...rest }: Parameter): Schema {
  return { ...rest, ...schema }
}

function operationV2(operation: Operation, tag: string, own: readonly Parameter[]): Schema {
  const { start, end } = described(operation, tag)
  const { body, answer, types } = operation
  const inBody = body
    ? [{ name: 'body', in: 'body', ...(body.required ? { required: true } : {}), schema: refTo(body.definition, 'v2') }]
    : []
  const schema = answer ? refTo(answer, 'v2') : { type: 'string' }
  return {
    ...start,
    consumes: body?.types ?? ['*/*'],
    produces: types,
    schemes: ['https'],
    ...(own.length || body ? { parameters: [...inBody, ...own.map(parameterV2)] } : {}),
    responses: {
      ...Object.fromEntries(operation.codes.map((code) => [code, { description: CODE_TEXT[code], schema }])),
      401: { description: 'Unauthorized' },
    },
    ...end,
  }
}

function pathsOf(parts: DocumentParts, dialect: Dialect): Schema {
  const out: Schema = {}
  for (const { path, operations, tag } of parts.paths) {
    const { common, own } = shared(operations)
    const item: Schema = {}
    for (const operation of operations) {
      const rest = operations.length === 1 && operation.action === undefined ? [] : operation.parameters.filter(own)
      item[operation.method] = (dialect === 'v3' ? operationV3 : operationV2)(operation, tag, rest)
    }
    if (common.length) item.parameters = dialect === 'v3' ? common : common.map(parameterV2)
    out[path] = item
  }
  return out
}

function definitionsOf(parts: DocumentParts): Set<string> {
  const names = new Set(parts.definitions)
  for (const { operations } of parts.paths)
    for (const { answer, body } of operations) {
      if (answer) names.add(answer)
      if (body) names.add(body.definition)
    }
  return names
}

/** `version` is Kubernetes' minor version, `1.36`. */
export function documentV3(parts: DocumentParts, version: string): Schema {
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: pathsOf(parts, 'v3'),
    components: { schemas: schemasFor(definitionsOf(parts), 'v3', parts), securitySchemes: SECURITY },
  }
}

export function documentV2(all: Iterable<DocumentParts>, version: string): Schema {
  const names = new Set<string>()
  const paths: Schema = {}
  for (const parts of all) {
    for (const name of definitionsOf(parts)) names.add(name)
    Object.assign(paths, pathsOf(parts, 'v2'))
  }
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths,
    definitions: schemasFor(names, 'v2', { group: '', version: '' }),
    parameters: {},
    securityDefinitions: SECURITY,
    security: [{ BearerToken: [] }],
  }
}
