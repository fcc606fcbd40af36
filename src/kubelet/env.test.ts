import { describe, expect, it } from 'vitest'
import type { ConfigMap, Container, Pod, Secret, Service } from '../api/types/core-v1.gen.ts'
import { expand, makeEnv } from './env.ts'
import type { Sources } from './sources.ts'

const pod: Pod = {
  metadata: { name: 'web-1', namespace: 'default', uid: 'u-1', labels: { app: 'web', a: 'x"y' } },
  spec: { containers: [], nodeName: 'node-1', serviceAccountName: 'default' },
}
const facts = { podIP: '10.0.0.5', hostIP: '192.168.0.2', allocatable: { cpu: '4', memory: '8Gi' } }

const service = (name: string, namespace: string, ports: NonNullable<Service['spec']>['ports']): Service => ({
  metadata: { name, namespace },
  spec: { clusterIP: '10.96.0.7', ...(ports ? { ports } : {}) },
})

const CONFIG: ConfigMap = { metadata: { name: 'cm' }, data: { A: 'a', B: 'b' } }
const SECRET: Secret = { metadata: { name: 's' }, data: { PASSWORD: btoa('geheim') } }

const sources: Sources = {
  configMap: async (_, name) => (name === 'cm' ? CONFIG : undefined),
  secret: async (_, name) => (name === 's' ? SECRET : undefined),
  services: (namespace) =>
    namespace === 'default'
      ? [
          service('kubernetes', 'default', [{ name: 'https', port: 443 }]),
          service('my-db', 'default', [{ port: 5432 }, { name: 'admin', port: 80, protocol: 'UDP' }]),
          { metadata: { name: 'headless' }, spec: { clusterIP: 'None', ports: [{ port: 1 }] } },
        ]
      : [],
  token: async () => undefined,
}

const NUL = 'x\0LD_PRELOAD=/tmp/evil.so'
const poisoned: Pod = { ...pod, metadata: { ...pod.metadata, annotations: { nul: NUL } } }
const nuls: Sources = {
  ...sources,
  configMap: async () => ({ metadata: { name: 'cm' }, data: { NUL } }),
  secret: async () => ({ metadata: { name: 's' }, data: { NUL: btoa(NUL) } }),
}

async function env(container: Partial<Container>, of = pod, from = sources): Promise<Record<string, string>> {
  return Object.fromEntries(await makeEnv(of, { name: 'app', ...container }, from, facts))
}

const own = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !/^(KUBERNETES|MY_DB)_/.test(name)))

describe('expansion', () => {
  it.each([
    ['$(A)-$(B)', '1-$(B)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$A $(', '$A $('],
    ['$($(A))', '$($(A))'],
    ['$(A) $$(A) $( $$ $', '1 $(A) $( $ $'],
  ])('%s', (text, expected) => {
    expect(expand(text, new Map([['A', '1']]))).toBe(expected)
  })
})

describe('environment', () => {
  it('values that double with every line end at what a process can be given', async () => {
    const doubling = Array.from({ length: 40 }, (_, i) => ({ name: `V${i + 1}`, value: `$(V${i})$(V${i})` }))
    await expect(env({ env: [{ name: 'V0', value: 'x' }, ...doubling] })).rejects.toThrow(
      '"$(V17)$(V17)" expands to more than 131072 characters',
    )
  })

  it.each([
    ['a config map', { configMapKeyRef: { name: 'cm', key: 'NUL' } }, 'configmap "cm"'],
    ['a secret', { secretKeyRef: { name: 's', key: 'NUL' } }, 'secret "s"'],
    ['an annotation', { fieldRef: { fieldPath: "metadata.annotations['nul']" } }, "field metadata.annotations['nul']"],
  ])('NUL out of %s is not passed on', async (_, valueFrom, from) => {
    const told = `environment variable "X" from ${from} contains the NUL character (U+0000)`
    await expect(env({ env: [{ name: 'X', valueFrom }] }, poisoned, nuls)).rejects.toThrow(told)
  })

  it('nor out of all of a config map or secret', async () => {
    for (const from of [{ configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }])
      await expect(env({ envFrom: [from] }, poisoned, nuls)).rejects.toThrow('environment variable "NUL" from')
  })

  it('values see what stands before them, and services', async () => {
    const got = await env({
      env: [
        { name: 'A', value: 'x' },
        { name: 'B', value: '$(A)/$(C)/$(MY_DB_SERVICE_HOST)' },
        { name: 'C', value: 'late' },
      ],
    })
    expect(own(got)).toEqual({ A: 'x', B: 'x/$(C)/10.96.0.7', C: 'late' })
  })

  it('takes every name that the API takes, in the order of its sources; the later one wins', async () => {
    const odd: ConfigMap = {
      metadata: { name: 'cm' },
      data: { 'data-1': 'one', '1.2': 'two', '.x': 'three', empty: '' },
      binaryData: { bytes: btoa('\u00ff') },
    }
    const from = { ...sources, configMap: async () => odd }
    const ref = { configMapRef: { name: 'cm' } }
    const values = await env(
      { envFrom: [ref, { prefix: 'p-', ...ref }], env: [{ name: 'p-1.2', value: 'own' }] },
      pod,
      from,
    )
    expect(own(values)).toEqual({
      ...{ 'data-1': 'one', '1.2': 'two', '.x': 'three', empty: '' },
      ...{ 'p-data-1': 'one', 'p-1.2': 'own', 'p-.x': 'three', 'p-empty': '' },
    })
    const key = (name: string) =>
      env({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: name } } }] }, pod, from)
    expect((await key('empty')).A).toBe('')
    await expect(key('bytes')).rejects.toThrow("couldn't find key bytes in ConfigMap default/cm")
  })

  it('envFrom with prefix, env wins', async () => {
    const got = await env({
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
      env: [{ name: 'P_A', value: 'own' }],
    })
    expect(own(got)).toEqual({ P_A: 'own', P_B: 'b', PASSWORD: 'geheim' })
  })

  it('fields and resources', async () => {
    const other = { containerName: 'side', resource: 'requests.cpu', divisor: '1m' }
    const beside = {
      ...pod,
      spec: { ...pod.spec, containers: [{ name: 'side', resources: { requests: { cpu: '100m' } } }] },
    }
    expect(own(await env({ env: [{ name: 'X', valueFrom: { resourceFieldRef: other } }] }, beside))).toEqual({
      X: '100',
    })
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
    const resource = (name: string, text: string, divisor?: string) => ({
      name,
      valueFrom: { resourceFieldRef: { resource: text, ...(divisor ? { divisor } : {}) } },
    })
    const got = await env({
      resources: { limits: { memory: '64Mi', cpu: '250m' } },
      env: [
        field('NAME', 'metadata.name'),
        field('IP', 'status.podIP'),
        field('HOST', 'status.hostIP'),
        field('APP', "metadata.labels['app']"),
        field('LABELS', 'metadata.labels'),
        resource('MEM', 'limits.memory', '1Mi'),
        resource('CPU', 'limits.cpu'),
        resource('REQ', 'requests.cpu', '1m'),
        resource('DISK', 'limits.ephemeral-storage'),
      ],
    })
    expect(own(got)).toEqual({
      NAME: 'web-1',
      IP: '10.0.0.5',
      HOST: '192.168.0.2',
      APP: 'web',
      LABELS: 'a="x\\"y"\napp="web"',
      MEM: '64',
      CPU: '1',
      REQ: '250',
      DISK: '0',
    })
  })

  it('variables of services', async () => {
    const got = await env({})
    expect(got).toMatchObject({
      KUBERNETES_SERVICE_HOST: '10.96.0.7',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      MY_DB_SERVICE_PORT: '5432',
      MY_DB_SERVICE_PORT_ADMIN: '80',
      MY_DB_PORT: 'tcp://10.96.0.7:5432',
      MY_DB_PORT_80_UDP_PROTO: 'udp',
    })
    expect(Object.keys(got).some((name) => name.startsWith('HEADLESS'))).toBe(false)
    const without = await env({}, { ...pod, spec: { ...pod.spec, enableServiceLinks: false } })
    expect(without).toHaveProperty('KUBERNETES_SERVICE_HOST')
    expect(without).not.toHaveProperty('MY_DB_SERVICE_HOST')
  })

  it.each([
    [{ configMapKeyRef: { name: 'no', key: 'A' } }, 'configmap "no" not found'],
    [{ configMapKeyRef: { name: 'cm', key: 'Z' } }, "couldn't find key Z in ConfigMap default/cm"],
    [{ secretKeyRef: { name: 'no', key: 'A' } }, 'secret "no" not found'],
    [{ secretKeyRef: { name: 's', key: 'Z' } }, "couldn't find key Z in Secret default/s"],
  ])('%o: %s', async (valueFrom, message) => {
    await expect(env({ env: [{ name: 'X', valueFrom }] })).rejects.toThrow(message)
    const optional = Object.fromEntries(
      Object.entries(valueFrom).map(([kind, ref]) => [kind, { ...ref, optional: true }]),
    )
    expect(own(await env({ env: [{ name: 'X', valueFrom: optional }] }))).toEqual({})
  })
})
