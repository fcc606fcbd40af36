/** What cannot be executed, said as containerd and runc say it, and said at once, whatever lies at the path. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostFiles, whyNotExecutable } from './command.node.ts'

let folder: string
let server: Server
const at = (name: string) => join(folder, name)
const script = (name: string, text: string) => {
  writeFileSync(at(name), text)
  chmodSync(at(name), 0o755)
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-command-'))
  spawnSync('mkfifo', ['-m', '755', at('fifo')])
  server = createServer()
  await new Promise<void>((resolve) => server.listen(at('socket'), resolve))
  chmodSync(at('socket'), 0o755)
  mkdirSync(at('folder'))
  symlinkSync('loop', at('loop'))
  symlinkSync('fifo', at('link-to-fifo'))
  symlinkSync('/dev/zero', at('link-to-device'))
  copyFileSync('/bin/sh', at('program'))
  writeFileSync(at('plain'), 'echo')
  script('text', 'echo hello')
  script('empty', '')
  script('script', '#!/bin/sh\n')
  script('spaces', '#! \t/bin/sh -e\n')
  script('nothing', '#!\n')
  script('missing', '#!/nowhere/sh\n')
  script('of-fifo', `#!${at('fifo')}\n`)
  script('of-folder', `#!${at('folder')}\n`)
  script('of-itself', `#!${at('of-itself')}\n`)
  script('of-script', `#!${at('script')}\n`)
  script('long', `#!/bin/sh ${'x'.repeat(10_000_000)}`)
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

const refusal = (command: string, path: string, workingDir: string) =>
  whyNotExecutable({ command: [command], env: { PATH: path }, workingDir }, hostFiles)

describe('a command that is', () => {
  it.each([
    ['program', undefined],
    ['script', undefined],
    ['spaces', undefined],
    ['long', undefined],
    ['of-script', undefined],
    ['fifo', 'permission denied'],
    ['link-to-fifo', 'permission denied'],
    ['link-to-device', 'permission denied'],
    ['socket', 'permission denied'],
    ['plain', 'permission denied'],
    ['folder', 'is a directory'],
    ['loop', 'too many levels of symbolic links'],
    ['text', 'exec format error'],
    ['empty', 'exec format error'],
    ['nothing', 'exec format error'],
    ['missing', 'no such file or directory'],
    ['of-fifo', 'permission denied'],
    ['of-folder', 'permission denied'],
    ['of-itself', 'too many levels of symbolic links'],
  ])('%s: %s', (name, why) => {
    const expected = why === undefined ? undefined : `exec: ${JSON.stringify(at(name))}: ${why}`
    expect(refusal(at(name), '', '/')).toBe(expected)
    const inPath = why === undefined ? undefined : `exec: "${name}": executable file not found in $PATH`
    expect(refusal(name, folder, '/')).toBe(inPath)
  })

  it('not there', () => {
    expect(refusal('./nowhere', '', folder)).toBe('exec: "./nowhere": stat ./nowhere: no such file or directory')
  })
})
