import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LOG_RECORD_BYTES_MAX, LogFramer } from './cri-log.ts'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678) + 0.5
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (out: Uint8Array) => new TextDecoder().decode(out)

/** Program output back from records. */
function read(log: string): string {
  return log
    .split('\n')
    .slice(0, -1)
    .map((record) => {
      const [, tag, line] = /^\S+ stdout ([FP]) (.*)$/s.exec(record) as RegExpExecArray
      return tag === 'F' ? `${line}\n` : line
    })
    .join('')
}

describe('log records', () => {
  it('have time, stream, tag and text', () => {
    expect(text(new LogFramer('stderr').push(bytes('hello\n'), AT))).toBe(
      '2026-01-02T03:04:05.678500000Z stderr F hello\n',
    )
  })

  it('wait for the end of a line, and take its time from then', () => {
    const framer = new LogFramer('stdout')
    expect(text(framer.push(bytes('a'), AT))).toBe('')
    expect(text(framer.push(bytes('b\n\nc'), AT + 1000))).toBe(
      '2026-01-02T03:04:06.678500000Z stdout F ab\n2026-01-02T03:04:06.678500000Z stdout F \n',
    )
    expect(text(framer.end(AT))).toBe('2026-01-02T03:04:05.678500000Z stdout P c\n')
    expect(text(framer.end(AT))).toBe('')
  })

  it('give back what was written, however it was cut on the way', () => {
    const chunk = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', '\n') }),
      fc.integer({ min: 1, max: 3 * LOG_RECORD_BYTES_MAX }).map((n) => 'x'.repeat(n)),
    )
    fc.assert(
      fc.property(fc.array(chunk), (chunks) => {
        const framer = new LogFramer('stdout')
        const log = chunks.map((part) => text(framer.push(bytes(part), AT))).join('') + text(framer.end(AT))
        const written = chunks.join('')
        expect(read(log)).toBe(written)
        for (const record of log.split('\n')) expect(record.length).toBeLessThanOrEqual(LOG_RECORD_BYTES_MAX + 40)
      }),
    )
  })
})
