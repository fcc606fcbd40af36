/**
 * What a node may do: read what its own pods need, write its own Node, Lease and pods. What an authorizer cannot see, the body
 * of a request, is `admission/node-restriction.ts`'s. Source: docs, "Using Node Authorization"; KEP-4601 for selectors.
 */
import type { UserInfo } from '../../wire/exchange.ts'
import { NODES, nodeOfName } from '../authn/names.ts'
import type { Attributes, Authorizer, Decision } from './authorizer.ts'
import { NODE_RULES } from './default-roles/node-rules.ts'
import type { NodeGraph, Related } from './node-graph.ts'
import type { Referenced } from './pod-references.ts'
import { covers } from './rules.ts'

const YES: Decision = { allowed: true }
const no = (reason?: string): Decision => ({ allowed: false, ...(reason ? { reason } : {}) })

/** Whether the user is a node, and which: '' for one that does not say. */
export function nodeOf({ name, groups }: Pick<UserInfo, 'name' | 'groups'>): string | undefined {
  if (!name.startsWith('system:node:') || !groups.includes(NODES)) return undefined
  return nodeOfName(name) ?? ''
}

export function nodeAuthorizer(graph: NodeGraph): Authorizer {
  return {
    authorize(user, asked) {
      const node = nodeOf(user)
      if (node === undefined) return undefined
      if (node === '') return no(`unknown node for user ${JSON.stringify(user.name)}`)
      const special = asked.isResource ? SPECIAL[`${asked.group}/${asked.resource}`] : undefined
      if (special) return special({ node, asked, graph })
      return NODE_RULES.some((rule) => covers(rule, asked)) ? YES : undefined
    },
    rules: (user) => (nodeOf(user) === undefined ? [] : undefined),
  }
}

interface Question {
  readonly node: string
  readonly asked: Attributes
  readonly graph: NodeGraph
}

const among = (...verbs: string[]) => new Set(verbs)
const READ = among('get', 'list', 'watch')
const OWN = among('get', 'create', 'update', 'patch', 'delete')
const CHANGE = among('update', 'patch')

/** Resources of which a node sees a part. */
const SPECIAL: Readonly<Record<string, (question: Question) => Decision>> = {
  '/secrets': (q) => readOne(q, 'secrets'),
  '/configmaps': (q) => readOne(q, 'configmaps'),
  '/persistentvolumeclaims': claim,
  '/persistentvolumes': (q) => getOne(q, 'persistentvolumes'),
  'resource.k8s.io/resourceclaims': (q) => getOne(q, 'resourceclaims'),
  'storage.k8s.io/volumeattachments': (q) => getOne(q, 'volumeattachments'),
  '/serviceaccounts': account,
  'coordination.k8s.io/leases': lease,
  'storage.k8s.io/csinodes': csiNode,
  'resource.k8s.io/resourceslices': slice,
  '/nodes': ownNode,
  '/pods': pod,
}

function related({ node, asked, graph }: Question, plural: Related): Decision {
  if (asked.name === '') return no('No Object name found')
  if (graph.has(node, plural, asked.namespace, asked.name)) return YES
  return no(`no relationship found between node '${node}' and this object`)
}

function readOne(question: Question, plural: Referenced): Decision {
  const { verb, subresource, namespace } = question.asked
  if (!READ.has(verb)) return no('can only read resources of this type')
  if (subresource) return no('cannot read subresource')
  return namespace ? related(question, plural) : no('can only read namespaced object of this type')
}

function getOne(question: Question, plural: Related): Decision {
  const { verb, subresource } = question.asked
  if (verb !== 'get') return no('can only get individual resources of this type')
  return subresource ? no('cannot get subresource') : related(question, plural)
}

function claim(question: Question): Decision {
  const { verb, subresource } = question.asked
  if (subresource !== 'status') return getOne(question, 'persistentvolumeclaims')
  return CHANGE.has(verb) ? related(question, 'persistentvolumeclaims') : no('can only get/update/patch this type')
}

function account(question: Question): Decision {
  const { verb, subresource, name } = question.asked
  if (verb !== 'create' || name === '') return no('can only create tokens for individual service accounts')
  if (subresource !== 'token') return no('can only create token subresource of serviceaccount')
  return related(question, 'serviceaccounts')
}

/** The name of what is created is in the body. */
const isOwn = ({ node, asked: { verb, name } }: Question) => verb === 'create' || name === node

function lease(question: Question): Decision {
  const { verb, namespace } = question.asked
  if (!OWN.has(verb)) return no('can only get, create, update, patch, or delete a node lease')
  if (namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace')
  return isOwn(question) ? YES : no('can only access node lease with the same name as the requesting node')
}

function csiNode(question: Question): Decision {
  const { verb, subresource } = question.asked
  if (!OWN.has(verb)) return no('can only get, create, update, patch, or delete a CSINode')
  if (subresource) return no('cannot authorize CSINode subresources')
  return isOwn(question) ? YES : no('can only access CSINode with the same name as the requesting node')
}

function slice({ node, asked }: Question): Decision {
  if (asked.subresource) return no('cannot authorize ResourceSlice subresources')
  if (asked.verb === 'create') return YES
  if (selects(asked, 'nodeName', node)) return YES
  return no('can only list/watch/deletecollection resourceslices with nodeName field selector')
}

function ownNode({ node, asked }: Question): Decision {
  const { verb, subresource, name } = asked
  if (subresource === 'status') return CHANGE.has(verb) ? YES : no()
  if (subresource) return no()
  if (verb === 'create' || CHANGE.has(verb)) return YES
  if (!READ.has(verb)) return no()
  if (name === node) return YES
  if (name === '') return no(`node '${node}' cannot read all nodes, only its own Node object`)
  return no(`node '${node}' cannot read '${name}', only its own Node object`)
}

function pod(question: Question): Decision {
  const { node, asked } = question
  const { verb, subresource } = asked
  if (subresource === 'status') return CHANGE.has(verb) ? YES : no()
  if (subresource === 'eviction') return verb === 'create' ? YES : no()
  if (subresource) return no()
  if (verb === 'get') return related(question, 'pods')
  if (verb === 'create' || verb === 'delete') return YES
  if (!READ.has(verb)) return no()
  if (selects(asked, 'spec.nodeName', node)) return YES
  return asked.name ? related(question, 'pods') : no('can only list/watch pods with spec.nodeName field selector')
}

const selects = ({ fields }: Attributes, field: string, value: string) =>
  fields?.some((term) => term.field === field && term.operator === '=' && term.value === value) === true
