/** What a create of an ordinary pod costs in the declarations: defaults, prepare, validate. Aim: under 60 us for 2.5 kB. */
import { bench, describe } from 'vitest'
import type { Draft } from '../api/object.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { SeededRandom } from '../base/random.ts'
import { pod } from './core/pod.ts'
import type { Context } from './declaration.ts'

const container = (i: number) => ({
  name: `web-${i}`,
  image: `registry.example.com/shop/web:1.${i}`,
  ports: [{ name: 'http', containerPort: 8080 + i }],
  env: [
    { name: 'PORT', value: '8080' },
    { name: 'NODE_ENV', value: 'production' },
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
  ],
  envFrom: [{ configMapRef: { name: 'settings' } }],
  resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '256Mi' } },
  livenessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 5 },
  readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
  lifecycle: { preStop: { sleep: { seconds: 5 } } },
  volumeMounts: [
    { name: 'data', mountPath: '/data' },
    { name: 'config', mountPath: '/etc/app', readOnly: true },
  ],
  securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false },
})

const text = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web', tier: 'front' }, annotations: { note: 'x' } },
  spec: {
    containers: [container(0), container(1)],
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'config', configMap: { name: 'settings', items: [{ key: 'a', path: 'a.yaml' }] } },
    ],
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'web', effect: 'NoSchedule' }],
  },
})

const context: Context = {
  now: '2030-01-01T00:00:00Z',
  nowMs: 0,
  lookup: () => ({ metadata: { name: 'default' } }),
  list: () => [],
  user: { name: 'admin', groups: [] },
  dryRun: false,
  random: new SeededRandom(1),
  warn() {},
}

describe(`a pod of ${text.length} bytes`, () => {
  bench('JSON.parse alone', () => {
    JSON.parse(text)
  })
  bench('JSON.parse, default, prepare, validate', () => {
    const draft = JSON.parse(text) as Draft<Pod>
    pod.default?.(draft)
    pod.strategy.prepare?.(draft, undefined, context)
    const errors = pod.strategy.validate?.(draft as Pod, undefined, context)
    if (errors?.length) throw new Error(errors[0]?.message)
  })
})
