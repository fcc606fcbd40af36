import { bench, describe } from 'vitest'
import { updateManagedFields } from '../api/managed-fields/update.ts'
import type { KubernetesObject } from '../api/object.ts'
import { decodeObject } from './decode.ts'
import { readPatch } from './patch.ts'

/** What one write costs before it reaches the registry: a pod of 2 kB. */
const POD = 'io.k8s.api.core.v1.Pod'
const container = (name: string) => ({
  name,
  image: 'registry.example/team/app:1.2.3',
  command: ['/bin/app', '--listen', ':8080'],
  env: [
    { name: 'LOG', value: 'debug' },
    { name: 'POD', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
  ],
  ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
  resources: { limits: { cpu: '500m', memory: '128Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
  readinessProbe: { httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' }, periodSeconds: 5, timeoutSeconds: 1 },
  lifecycle: { preStop: { sleep: { seconds: 5 } } },
  volumeMounts: [{ name: 'data', mountPath: '/data' }],
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'IfNotPresent',
})
const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: 'web-1',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '7',
    labels: { app: 'web', tier: 'front' },
  },
  spec: {
    containers: [container('app'), container('side')],
    volumes: [{ name: 'data', emptyDir: {} }],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    tolerations: [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ],
  },
  status: { phase: 'Pending' },
} as KubernetesObject
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const body = { bytes: encode(pod) }
const statusPatch = {
  status: { conditions: [{ type: 'Ready', status: 'True' }], phase: 'Running' },
}

describe('a write before the registry', () => {
  bench('decode a pod', () => {
    void decodeObject({ body, contentType: 'application/json', definition: POD, fieldValidation: 'Warn' })
  })

  bench('a strategic merge patch of its status', () => {
    const contentType = 'application/strategic-merge-patch+json'
    const patch = { bytes: encode(statusPatch) }
    readPatch({ body: patch, contentType, definition: POD, fieldValidation: 'Warn' }).apply(pod)
  })

  const write = { manager: 'bench', subresource: '', time: '2026-01-02T03:04:05Z', definition: POD, apiVersion: 'v1' }
  bench('managedFields of a create', () => {
    updateManagedFields({ ...write, old: undefined, new: pod })
  })
})
