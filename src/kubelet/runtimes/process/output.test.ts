import { expect, it } from 'vitest'
import { ByteQueue } from './output.node.ts'

it('bytes that wait for a slow client are its own: the buffer that they came in is used again', async () => {
  const queue = new ByteQueue()
  const buffer = Buffer.from('one')
  queue.push(buffer)
  buffer.write('two')
  queue.push(buffer)
  queue.end()
  const got: string[] = []
  for await (const bytes of queue) got.push(new TextDecoder().decode(bytes))
  expect(got).toEqual(['one', 'two'])
})
