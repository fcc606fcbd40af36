/** The scale subresource, autoscaling/v1: a view of a few members of the object, read and written. */
import { invalid, invalidObject } from '../../api/field-error.ts'
import type { Draft, KubernetesObject } from '../../api/object.ts'
import type { Pause } from '../../base/steps.ts'
import { draftOf } from '../../registry/draft.ts'
import type { Item } from '../../registry/read.ts'
import type { UpdateRequest } from '../../registry/write.ts'
import type { ResourceDeclaration, ScaleDeclaration } from '../../resources/declaration.ts'
import { Encoded } from '../../wire/encoded.ts'
import type { ApiResponse } from '../../wire/exchange.ts'
import { readDefinition, readPatchOf } from '../body.ts'
import { type Call, writeOptions } from '../call.ts'
import { answerItem, outputOf } from '../output.ts'
import { methodNotAllowed } from '../respond.ts'
import { type WriteQuery, writeQuery } from '../write-query.ts'
import { callApplies, configOf, patchQuery, writeApplied } from './apply.ts'
import { checkName } from './update.ts'

const SCALE = 'io.k8s.api.autoscaling.v1.Scale'

interface Scale extends KubernetesObject {
  readonly spec?: { readonly replicas?: number }
}

export async function handleScale(call: Call): Promise<ApiResponse> {
  const { info } = call.exchange
  if (info.verb === 'get') {
    const { namespace, name } = info
    const item = await call.parts.registry.get(call.resource, { namespace, name })
    return answerScale(call, item)
  }
  if (info.verb === 'update') return putScale(call)
  if (info.verb === 'patch') return patchScale(call)
  throw methodNotAllowed()
}

function answerScale(call: Call, { object, revision }: Item): ApiResponse {
  const { table } = declared(call)
  const declaration = { ...call.resource.declaration, ...table, kind: 'Scale', group: 'autoscaling' }
  const resource = { ...call.resource, declaration: declaration as ResourceDeclaration, apiVersion: 'autoscaling/v1' }
  return answerItem(outputOf({ ...call, resource }), new Encoded(scaleOf(call, object), revision))
}

function declared({ resource }: Call): ScaleDeclaration<KubernetesObject> {
  return resource.declaration.scale as ScaleDeclaration<KubernetesObject>
}

function scaleOf(call: Call, object: KubernetesObject): Scale {
  const scale = declared(call)
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const replicas = scale.replicas(object)
  const selector = scale.selector(object)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as KubernetesObject['metadata'],
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: scale.statusReplicas(object), ...(selector ? { selector } : {}) },
  } as Scale
}

async function putScale(call: Call): Promise<ApiResponse> {
  const query = writeQuery(call.exchange, 'UpdateOptions')
  const sent = await readDefinition<Scale>(call, SCALE, query)
  sent.metadata ??= {}
  checkName(sent as Draft<KubernetesObject>, call.exchange.info.name)
  return writeScale(call, query, () => sent)
}

/** An apply of a Scale is one of the object it scales, with nothing in it but the replicas. */
async function applyScale(call: Call): Promise<ApiResponse> {
  const query = patchQuery(call.exchange)
  const sent = ((await configOf(call, query)) ?? {}) as Scale
  const { declaration, apiVersion } = call.resource
  const isScale = sent.kind === 'Scale' && sent.apiVersion === 'autoscaling/v1'
  const config = { ...sent, ...(isScale ? { kind: declaration.kind, apiVersion } : {}), spec: {} } as Draft<Scale>
  if (sent.spec?.replicas !== undefined)
    declared(call).setReplicas(config as Draft<KubernetesObject>, sent.spec.replicas)
  const { item } = await writeApplied(call, query, { config, subresource: 'scale', strategy: declaration.strategy })
  return answerScale(call, item)
}

async function patchScale(call: Call): Promise<ApiResponse> {
  if (callApplies(call)) return applyScale(call)
  const query = patchQuery(call.exchange)
  const apply = await readPatchOf(call, SCALE, query)
  return writeScale(call, query, async (current, pause) => {
    const patched = (await apply(scaleOf(call, current), pause)) as Draft<Scale>
    if (patched.metadata?.resourceVersion === current.metadata.resourceVersion) delete patched.metadata.resourceVersion
    return patched
  })
}

async function writeScale(
  call: Call,
  query: WriteQuery,
  scaled: (current: KubernetesObject, pause: Pause | undefined) => Draft<Scale> | Promise<Draft<Scale>>,
): Promise<ApiResponse> {
  const { registry } = call.parts
  const { declaration } = call.resource
  const transform: UpdateRequest['transform'] = async (current, pause) => {
    const scale = await scaled(current, pause)
    const replicas = scale.spec?.replicas ?? 0
    if (replicas < 0)
      throw invalidObject({ group: 'autoscaling', resource: 'Scale', kind: 'Scale' }, call.exchange.info.name, [
        invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
      ])
    const draft = draftOf(current) as Draft<KubernetesObject>
    declared(call).setReplicas(draft, replicas)
    if (scale.metadata?.resourceVersion) draft.metadata.resourceVersion = scale.metadata.resourceVersion
    else delete draft.metadata.resourceVersion
    return draft
  }
  const request = { subresource: '', manages: 'scale', strategy: declaration.strategy, unconditional: true, transform }
  const { item } = await registry.update(call.resource, request, writeOptions(call, query))
  return answerScale(call, item)
}
