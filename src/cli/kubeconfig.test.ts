import { expect, it } from 'vitest'
import { isOwnKubeconfig, KUBECONFIG_MARK, kubeconfig } from './kubeconfig.ts'

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
