import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { currentServer, isOwnKubeconfig, KUBECONFIG_MARK, kubeconfig } from './kubeconfig.ts'

const own = kubeconfig({ server: 'https://127.0.0.1:6443', ca: 'a', clientCert: 'b', clientKey: 'c' })

it.each([
  ['what ebb writes', KUBECONFIG_MARK + own, true],
  ['what kubectl makes of it', own.replace('    user: ebb-admin', '    namespace: mine\n    user: ebb-admin'), true],
  ["somebody's cluster", own.replaceAll('name: ebb', 'name: work'), false],
  ["somebody's cluster beside ebb's", own.replace('users:', '- name: work\n  cluster: {}\nusers:'), false],
  ["somebody's context with ebb's cluster", own.replace('- name: ebb\n  context', '- name: mine\n  context'), false],
  ['an empty file', '', false],
  ['something else', 'apiVersion: v1\nkind: Config\n', false],
])('%s', (_, text, expected) => {
  expect(isOwnKubeconfig(text)).toBe(expected)
})

const config = (name: string, current?: string) => ({
  ...(current === undefined ? {} : { 'current-context': current }),
  contexts: [{ name, context: { cluster: name, user: name } }],
  clusters: [{ name, cluster: { server: `https://${name}.example.org/` } }],
})

it.each([
  ['of the file that ebb writes', [parse(own)], 'https://127.0.0.1:6443'],
  [
    'of the current context, whichever file describes it',
    [config('a', 'b'), config('b', 'a')],
    'https://b.example.org',
  ],
  ['of the first file that names a context', [config('a'), config('b', 'b')], 'https://b.example.org'],
  ['of a context that nobody describes: none', [config('a', 'c')], undefined],
  ['of files that are none', [undefined, 'text', 7, [], { contexts: [null], 'current-context': 'a' }], undefined],
])('the current server %s', (_, configs, expected) => {
  expect(currentServer(configs)).toBe(expected)
})
