import { describe, expect, it } from 'vitest'
import { failure } from '../api/status.ts'
import type { PodStatus } from '../api/types/core-v1.gen.ts'
import { ApiClient } from '../client/api-client.ts'
import type { Transport, TransportRequest } from '../client/transport.ts'
import { drain } from '../sim/drain.node.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { StatusWriter } from './status-writer.ts'

/** A server that answers when told, with what it is told. */
class Server {
  readonly requests: TransportRequest[] = []
  private readonly answers: ((status: number) => void)[] = []

  readonly transport = {
    send: (request: TransportRequest) =>
      new Promise((resolve) => {
        this.requests.push(request)
        this.answers.push((status) =>
          resolve({ status, headers: {}, body: status < 400 ? {} : failure(status, 'Because', 'no').status }),
        )
      }),
  } as unknown as Transport

  answer(status = 200): void {
    this.answers.shift()?.(status)
  }

  /** Phases sent until now. */
  get phases(): (string | undefined)[] {
    return this.requests.map(({ body }) => (body as { status: PodStatus }).status.phase)
  }
}

function setup() {
  const server = new Server()
  const clock = new SimClock({ drain })
  const written: (string | undefined)[] = []
  const writer = new StatusWriter(
    { namespace: 'default', name: 'p', uid: 'u' },
    {
      client: new ApiClient(server.transport, { userAgent: 'test' }),
      clock,
      signal: new AbortController().signal,
      written: ({ phase }) => void written.push(phase),
      failed: () => {},
    },
  )
  return { server, clock, writer, written }
}

describe('StatusWriter', () => {
  it('writes one at a time, and of those that wait only the newest', async () => {
    const { server, writer, written } = setup()
    const done = writer.submit({ phase: 'Pending' })
    void writer.submit({ phase: 'Running' })
    void writer.submit({ phase: 'Failed' })
    expect(server.phases).toEqual(['Pending'])
    server.answer()
    await drain()
    expect(server.phases).toEqual(['Pending', 'Failed'])
    server.answer()
    await done
    expect(written).toEqual(['Pending', 'Failed'])
  })

  it('does not write what it has written', async () => {
    const { server, writer } = setup()
    const first = writer.submit({ phase: 'Running' })
    server.answer()
    await first
    await writer.submit({ phase: 'Running' })
    expect(server.requests).toHaveLength(1)
  })

  it('tries again while the server cannot, and gives up when the pod is gone', async () => {
    const { server, clock, writer, written } = setup()
    const done = writer.submit({ phase: 'Running' })
    server.answer(503)
    await clock.advance(1000)
    expect(server.requests).toHaveLength(2)
    server.answer(404)
    await done
    expect(written).toEqual([])
  })

  it('names the uid, takes away what is no longer true, and keeps the order of conditions', async () => {
    const { server, writer } = setup()
    void writer.submit({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] })
    expect(server.requests[0]).toMatchObject({
      method: 'PATCH',
      path: '/api/v1/namespaces/default/pods/p/status',
      headers: { 'content-type': 'application/strategic-merge-patch+json' },
      body: {
        metadata: { uid: 'u' },
        status: {
          phase: 'Running',
          reason: null,
          message: null,
          podIP: null,
          podIPs: null,
          conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }],
          '$setElementOrder/conditions': [{ type: 'Ready' }],
        },
      },
    })
  })
})
