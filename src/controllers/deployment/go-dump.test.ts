import { expect, it } from 'vitest'
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { goDump } from './go-dump.ts'
import { templateHash } from './template.ts'

const template = (container: object = {}, spec: object = {}): PodTemplateSpec => ({
  metadata: { labels: { app: 'd' } },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'img.example/app:1',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'IfNotPresent',
        ...container,
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    automountServiceAccountToken: false,
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
  },
})

it('gives a template the hash that Kubernetes 1.36.2 gave it', () => {
  expect(templateHash(template())).toBe('6d96f86987')
  expect(templateHash(template(), 0)).not.toBe('6d96f86987')
  expect(templateHash(template(), 1)).not.toBe(templateHash(template(), 0))
})

it('gives a template with a command the hash that Kubernetes 1.36.2 gave it', () => {
  const told = (graceSeconds: number, sleep: number): string =>
    templateHash({
      metadata: { labels: { app: 'w' } },
      spec: {
        containers: [
          {
            name: 'app',
            image: 'registry.k8s.io/e2e-test-images/busybox:1.37.0-1',
            command: [
              'sh',
              '-c',
              `echo up; trap 'echo TERM; sleep ${sleep}; echo exiting; exit 0' TERM; while :; do sleep 3600 & wait $!; done`,
            ],
            resources: {},
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            imagePullPolicy: 'IfNotPresent',
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: graceSeconds,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
      },
    })
  expect(told(20, 3)).toBe('5b7cfbfd9f')
  expect(told(5, 0)).toBe('7777b948b5')
})

it('prints ports, probes, quantities and volumes as Go does', () => {
  const text = goDump(
    template(
      {
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        readinessProbe: { httpGet: { path: '/', port: 'web', scheme: 'HTTP' }, periodSeconds: 10 },
        resources: { limits: { memory: '64Mi', cpu: '250m' } },
      },
      { volumes: [{ name: 'v', configMap: { name: 'm', defaultMode: 420 } }] },
    ),
  )
  expect(text).toContain(
    ' Ports:([]v1.ContainerPort)[{Name:(string) HostPort:(int32)0 ContainerPort:(int32)80 Protocol:(v1.Protocol)TCP HostIP:(string)}] ',
  )
  expect(text).toContain(
    'ReadinessProbe:(*v1.Probe){ProbeHandler:(v1.ProbeHandler){Exec:(*v1.ExecAction)<nil> HTTPGet:(*v1.HTTPGetAction){Path:(string)/ Port:(intstr.IntOrString){Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string)web} ',
  )
  expect(text).toContain(
    'Limits:(v1.ResourceList)map[cpu:{i:(resource.int64Amount){value:(int64)250 scale:(resource.Scale)-3} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string) Format:(resource.Format)DecimalSI} memory:{i:(resource.int64Amount){value:(int64)67108864 scale:(resource.Scale)0} ',
  )
  expect(text).toContain(
    'ConfigMap:(*v1.ConfigMapVolumeSource){LocalObjectReference:(v1.LocalObjectReference){Name:(string)m} Items:([]v1.KeyToPath)<nil> DefaultMode:(*int32)420 Optional:(*bool)<nil>}',
  )
})
