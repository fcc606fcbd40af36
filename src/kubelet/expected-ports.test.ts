import { expect, it } from 'vitest'
import { expectedPorts } from './expected-ports.ts'

it('knows declared ports, and those that probes and hooks name by number', () => {
  const ports = [
    { containerPort: 8080 },
    { containerPort: 53, protocol: 'UDP' },
    { containerPort: 8443, protocol: 'TCP' },
  ]
  const readinessProbe = { httpGet: { port: 9090, path: '/' } }
  const lifecycle = { preStop: { httpGet: { port: 'http', path: '/' } } }
  expect(
    expectedPorts({
      containers: [
        { name: 'a', ports, readinessProbe, lifecycle },
        { name: 'b', livenessProbe: { tcpSocket: { port: 8080 } } },
      ],
    }),
  ).toEqual([8080, 8443, 9090])
})
