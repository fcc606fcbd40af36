import http from 'node:http'
import http2 from 'node:http2'
import { describe, expect, it } from 'vitest'
import { faults, plainSocket, server, useServer } from './one-server.node.ts'
import { Warnings } from './warnings.ts'

/** Texts as a client reads them from the headers: in quotes, UTF-8. */
function shown(values: readonly string[]): string[] {
  return values.map((value) => {
    const text = Buffer.from(value, 'latin1').toString('utf8')
    return /^299 - "(.*)"$/.exec(text)?.[1]?.replace(/\\(.)/g, '$1') ?? `not a warning: ${text}`
  })
}

function warned(...texts: string[]): string[] {
  const warnings = new Warnings()
  for (const text of texts) warnings.add(text)
  return shown(warnings.values())
}

describe('the warnings of an answer', () => {
  it('stand there once each, in order', () => {
    expect(warned('b', 'a', 'b', '')).toEqual(['b', 'a'])
  })

  it('are quoted, whatever is in them', () => {
    expect(warned('unknown field "spec.a\\b"', '필드 "이름" 😀')).toEqual([
      'unknown field "spec.a\\b"',
      '필드 "이름" 😀',
    ])
  })

  it('cannot break a header: a text with control characters is dropped', () => {
    expect(warned('a\r\nx-evil: 1', 'b\0', 'c\x7f', 'd')).toEqual(['d'])
  })

  it('are cut to 256 characters each, and end, when they outgrow 4096', () => {
    const long = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(600, '가'))
    const values = warned(...long)
    expect(values).toHaveLength(16)
    for (const [i, value] of values.entries()) expect(value).toBe((long[i] ?? '').slice(0, 256))
  })
})

describe('over sockets', () => {
  const path = '/api/v1/namespaces/default/configmaps?dryRun=All'
  const headers = { authorization: 'Bearer admin-token', 'content-type': 'application/json' }

  useServer()

  type Answer = { readonly status: number; readonly warnings: readonly string[] }

  function overHttp1(body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: plainSocket, method: 'POST', path, headers }, (response) => {
        response.resume().on('end', () => {
          const raw = response.rawHeaders.flatMap((name, i, all) =>
            name.toLowerCase() === 'warning' && i % 2 === 0 ? [all[i + 1] ?? ''] : [],
          )
          resolve({ status: response.statusCode ?? 0, warnings: shown(raw) })
        })
      })
      request.on('error', reject).end(body)
    })
  }

  function overHttp2(body: string): Promise<Answer> {
    const session = http2.connect(`https://127.0.0.1:${server.port}`, { rejectUnauthorized: false })
    return new Promise<Answer>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': path, ...headers })
      session.on('error', reject)
      stream.on('response', (answer, _flags, raw?: string[]) => {
        const values = (raw ?? []).flatMap((name, i, all) =>
          name === 'warning' && i % 2 === 0 ? [all[i + 1] ?? ''] : [],
        )
        const joined = answer.warning as string | string[] | undefined
        const found = values.length > 0 ? values : [joined ?? []].flat()
        stream.resume().on('end', () => resolve({ status: Number(answer[':status']), warnings: shown(found) }))
      })
      stream.on('error', reject).end(body)
    }).finally(() => session.close())
  }

  describe.each([
    ['HTTP/1.1', overHttp1],
    ['HTTP/2', overHttp2],
  ])('%s', (_, send) => {
    it.each([
      ['in Korean', '필드', 'unknown field "필드"'],
      ['with a quote', 'a"b', 'unknown field "a\\"b"'],
      ['with a backslash', 'a\\b', 'unknown field "a\\\\b"'],
      ['with a new line', 'a\nb', 'unknown field "a\\nb"'],
      ['with control characters', 'a\0\x07b\x7f', 'unknown field "a\\x00\\ab\\x7f"'],
      ['beyond the first plane', '😀', 'unknown field "😀"'],
      ['of half a character', 'a\ud800', 'unknown field "a\ufffd"'],
      ['of what cannot be seen', 'a\u200bb', 'unknown field "a\\u200bb"'],
    ])('an unknown field %s is warned of', async (_, name, text) => {
      const body = JSON.stringify({ metadata: { name: 'a' }, [name]: 1 })
      expect(await send(body)).toEqual({ status: 201, warnings: [text] })
    })

    it('thousands of unknown fields are warned of as far as headers go', async () => {
      const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`unknown-${i}-${'가'.repeat(50)}`, 1]))
      const { status, warnings } = await send(JSON.stringify({ metadata: { name: 'a' }, ...fields }))
      expect(status).toBe(201)
      expect(warnings.length).toBeGreaterThan(20)
      expect(warnings.join('').length).toBeLessThan(4096 + 256)
      expect(faults).toEqual([])
    })
  })
})
