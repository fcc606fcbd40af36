import { describe, expect, it } from 'vitest'
import { StartGate } from './start-gate.ts'
import { neverRan, startReason } from './start-words.ts'

const NOT_IN_PATH = 'exec: "app": executable file not found in $PATH'
const HIDDEN = ['/run/user/1000/ebb']

describe('why a program was not started', () => {
  it.each([
    ['bwrap: execvp app: No such file or directory\n', NOT_IN_PATH],
    ['sh: 1: exec: app: not found\n', NOT_IN_PATH],
    ['/bin/sh: line 1: exec: app: not found\n', NOT_IN_PATH],
    ['setpriv: failed to execute app: No such file or directory', NOT_IN_PATH],
    ['/usr/bin/env: ‘app’: No such file or directory', NOT_IN_PATH],
    ['bwrap: execvp /no/app: No such file or directory', 'exec: "/no/app": stat /no/app: no such file or directory'],
    ['sh: 1: exec: /etc/passwd: Permission denied', 'exec: "/etc/passwd": permission denied'],
    ['bwrap: execvp a: b: No such file or directory', 'exec: "a: b": executable file not found in $PATH'],
    [
      "bwrap: Can't chdir to /nope: Permission denied",
      'chdir to cwd ("/nope") set in config.json failed: permission denied',
    ],
    ["sh: 1: cd: can't cd to /nope", 'chdir to cwd ("/nope") set in config.json failed: no such file or directory'],
    [
      "bwrap: Can't find source path /run/user/1000/ebb/1/node-0/kubelet/pods/x/volumes/v: No such file or directory",
      'a file of the pod could not be mounted: no such file or directory',
    ],
    ["bwrap: Can't mkdir /qq: Read-only file system", 'mkdir /qq: read-only file system'],
    ["bwrap: Can't mkdir parents for /etc/passwd/x: Not a directory", 'mkdir /etc/passwd/x: not a directory'],
    ["bwrap: Can't create file at /newroot/a: b: Is a directory", 'open /a: b: is a directory'],
    ["bwrap: Can't bind mount /oldroot/srv/x on /newroot/data: Permission denied", 'mount /data: permission denied'],
    ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", 'mount /proc: operation not permitted'],
    ["bwrap: Can't make what nobody knows", "Can't make what nobody knows"],
    ['', 'the program could not be started'],
  ])('%s', (said, expected) => {
    const reason = startReason(said, HIDDEN)
    expect(reason).toBe(expected)
    expect(reason).not.toMatch(/bwrap|nsenter|setpriv|ebb/)
  })
})

describe('whether it ever ran', () => {
  it.each<[string, number, string[], boolean]>([
    ['sh: 1: exec: app: not found\n', 127, ['app', '-x'], true],
    ['bwrap: execvp ./app: Permission denied\n', 126, ['./app'], true],
    // A program that says the same of another one, or says more, or ends otherwise, did run.
    ['sh: 1: exec: app: not found\n', 127, ['sh', '-c', 'exec app'], false],
    ['up\nsh: 1: exec: app: not found\n', 127, ['app'], false],
    ['sh: 1: exec: app: not found\n', 1, ['app'], false],
    ['app: no such command\n', 127, ['app'], false],
    ['', 127, ['app'], false],
  ])('%j, code %i, %j: %s', (said, code, command, expected) => {
    expect(neverRan(said, code, command)).toBe(expected)
  })
})

describe('output of a start', () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  const bytes = (words: string) => new TextEncoder().encode(words)
  function gate() {
    const passed: string[] = []
    return { passed, gate: new StartGate((stream, piece) => passed.push(`${stream} ${text(piece)}`)) }
  }

  it('waits until the program runs, and passes in its order then', () => {
    const { passed, gate: it } = gate()
    // As it comes from a FIFO: a Buffer, which is used again for what comes next.
    const buffer = Buffer.from('one')
    it.take('stdout', buffer)
    buffer.fill(0)
    it.take('stderr', bytes('two\r\n'))
    expect(passed).toEqual([])
    expect(it.said).toBe('onetwo\n')
    it.open()
    it.take('stdout', bytes('three'))
    expect(passed).toEqual(['stdout one', 'stderr two\r\n', 'stdout three'])
  })

  it('of a program that never ran does not pass, and can be asked for', () => {
    const { passed, gate: it } = gate()
    it.take('stderr', bytes('bwrap: no'))
    it.shut()
    it.open()
    it.take('stdout', bytes('late'))
    expect(passed).toEqual([])
    expect(it.said).toBe('bwrap: no')
  })

  it('of more than a launcher ever says passes', () => {
    const { passed, gate: it } = gate()
    for (let i = 0; i < 70; i++) it.take('stdout', new Uint8Array(1024))
    expect(passed.length).toBe(70)
  })

  it('is forgotten when the start is tried once more', () => {
    const { passed, gate: it } = gate()
    it.take('stderr', bytes('bwrap: once'))
    it.forget()
    it.open()
    expect(passed).toEqual([])
  })
})
