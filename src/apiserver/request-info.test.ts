import { describe, expect, it } from 'vitest'
import { isTrue, requestInfo } from './request-info.ts'

const info = (line: string) => {
  const [method = '', url = ''] = line.split(' ')
  const [path = '', query = ''] = url.split('?')
  const { verb, group, version, namespace, resource, name, subresource, isResource } = requestInfo(
    method,
    path,
    new URLSearchParams(query),
  )
  return isResource ? [verb, group, version, namespace, resource, name, subresource].join(' | ') : `${verb} path`
}

describe('a request is read as Kubernetes reads it', () => {
  it.each([
    ['GET /api/v1/pods', 'list |  | v1 |  | pods |  | '],
    ['GET /api/v1/namespaces/a/pods', 'list |  | v1 | a | pods |  | '],
    ['GET /api/v1/namespaces/a/pods?watch=true', 'watch |  | v1 | a | pods |  | '],
    ['GET /api/v1/namespaces/a/pods?watch=0', 'list |  | v1 | a | pods |  | '],
    ['GET /api/v1/namespaces/a/pods/p?watch=true', 'get |  | v1 | a | pods | p | '],
    ['GET /api/v1/watch/namespaces/a/pods', 'watch |  | v1 | a | pods |  | '],
    ['POST /apis/apps/v1/namespaces/a/deployments', 'create | apps | v1 | a | deployments |  | '],
    ['PUT /apis/apps/v1/namespaces/a/deployments/d/scale', 'update | apps | v1 | a | deployments | d | scale'],
    ['DELETE /api/v1/namespaces/a/pods', 'deletecollection |  | v1 | a | pods |  | '],
    ['DELETE /api/v1/namespaces/a/pods/p', 'delete |  | v1 | a | pods | p | '],
    ['GET /api/v1/namespaces/a', 'get |  | v1 | a | namespaces | a | '],
    ['PUT /api/v1/namespaces/a/finalize', 'update |  | v1 | a | namespaces | a | finalize'],
    ['POST /api/v1/namespaces/a/pods/p/eviction', 'create |  | v1 | a | pods | p | eviction'],
    ['GET /api/v1/nodes/n%2Fx', 'get |  | v1 |  | nodes | n/x | '],
    ['GET /api', 'get path'],
    ['GET /apis/apps/v1', 'get path'],
    ['GET /healthz', 'get path'],
  ])('%s', (line, expected) => {
    expect(info(line)).toBe(expected)
  })
})

it.each([
  [null, false],
  ['', true],
  ['1', true],
  ['maybe', true],
  ['0', false],
  ['False', false],
])('a flag of the query with %j is %j', (value, expected) => {
  expect(isTrue(value)).toBe(expected)
})
