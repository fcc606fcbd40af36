import { describe, expect, it } from 'vitest'
import { Channel } from './channel.ts'

async function drain<T>(channel: Channel<T>): Promise<T[]> {
  const out: T[] = []
  for await (const value of channel) out.push(value)
  return out
}

describe('Channel', () => {
  it('delivers what was pushed before and after the reader came, in order, and ends when closed', async () => {
    const channel = new Channel<number>(10)
    channel.push(1)
    const read = drain(channel)
    await Promise.resolve()
    channel.push(2)
    channel.push(3)
    channel.close()
    expect(await read).toEqual([1, 2, 3])
  })

  it('refuses when full, and when closed', async () => {
    const channel = new Channel<number>(1)
    expect([channel.push(1), channel.push(2)]).toEqual([true, false])
    channel.close()
    expect(channel.push(3)).toBe(false)
    expect(await drain(channel)).toEqual([1])
  })

  it('is closed by a reader that stops early', async () => {
    const channel = new Channel<number>(10)
    channel.push(1)
    for await (const _ of channel) break
    expect(channel.push(2)).toBe(false)
  })
})
