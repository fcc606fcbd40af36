import { describe, expect, it } from 'vitest'
import type { PodSpec } from '../api/types/core-v1.gen.ts'
import { admissionRefusal } from './admission.ts'

const app = { name: 'app' }

function refusal(spec: Partial<PodSpec>, annotations: Record<string, string> = {}): string | undefined {
  const metadata = { name: 'p', namespace: 'default', uid: 'u', annotations }
  const found = admissionRefusal({ metadata, spec: { containers: [app], ...spec } })
  return found && `${found.reason}: ${found.message}`
}

describe('sysctls', () => {
  const forbidden = (what: string) => `SysctlForbidden: forbidden sysctl: ${what}`
  it.each<[string, string, Partial<PodSpec>, string | undefined]>([
    ['a safe one', 'net.ipv4.ip_local_port_range', {}, undefined],
    ['a safe one with slashes', 'net/ipv4/tcp_syncookies', {}, undefined],
    ['an unsafe one of the network', 'net.core.somaxconn', {}, '"net.core.somaxconn" not allowlisted'],
    ['an unsafe one of IPC', 'kernel.msgmax', {}, '"kernel.msgmax" not allowlisted'],
    ["the host's own", 'kernel.core_pattern', {}, '"kernel.core_pattern" not allowlisted'],
    [
      'dots inside a word',
      'net/ipv4/conf/eno2.100/rp_filter',
      {},
      '"net.ipv4.conf.eno2/100.rp_filter" not allowlisted',
    ],
    [
      "a safe one in the host's network",
      'net.ipv4.tcp_syncookies',
      { hostNetwork: true },
      '"net.ipv4.tcp_syncookies" not allowed with host Net enabled',
    ],
    [
      "a safe one in the host's IPC",
      'kernel.shm_rmid_forced',
      { hostIPC: true },
      '"kernel.shm_rmid_forced" not allowed with host IPC enabled',
    ],
    ["IPC in the host's network", 'kernel.shm_rmid_forced', { hostNetwork: true }, undefined],
  ])('%s', (_, name, spec, message) => {
    const securityContext = {
      sysctls: [
        { name: 'net.ipv4.tcp_rmem', value: '1' },
        { name, value: '1' },
      ],
    }
    const first = { sysctls: securityContext.sysctls.filter((s) => s.name === name) }
    expect(refusal({ ...spec, securityContext: spec.hostNetwork ? first : securityContext })).toBe(
      message && forbidden(message),
    )
  })
})

describe('AppArmor', () => {
  const cannot = 'AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host'
  const profile = (type: string) => ({ appArmorProfile: { type } })
  const key = 'container.apparmor.security.beta.kubernetes.io/app'
  it.each<[string, Partial<PodSpec>, Record<string, string>, string | undefined]>([
    ['none', {}, {}, undefined],
    ['of the pod', { securityContext: profile('RuntimeDefault') }, {}, cannot],
    ['of a container', { containers: [{ ...app, securityContext: profile('Localhost') }] }, {}, cannot],
    ['of an init container', { initContainers: [{ name: 'i', securityContext: profile('Localhost') }] }, {}, cannot],
    ['unconfined', { securityContext: profile('Unconfined') }, {}, undefined],
    [
      "the container's own goes before the pod's",
      { securityContext: profile('Localhost'), containers: [{ ...app, securityContext: profile('Unconfined') }] },
      {},
      undefined,
    ],
    ['by the annotation', {}, { [key]: 'localhost/mine' }, cannot],
    ['unconfined by the annotation', {}, { [key]: 'unconfined' }, undefined],
    ["another container's annotation", {}, { [`${key}2`]: 'runtime/default' }, undefined],
  ])('%s', (_, spec, annotations, expected) => {
    expect(refusal(spec, annotations)).toBe(expected)
  })
})

it('a pod for another operating system', () => {
  expect(refusal({ os: { name: 'windows' } })).toBe(
    "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
  )
  expect(refusal({ os: { name: 'linux' } })).toBeUndefined()
})
