import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ECHO_IMAGE, readProgram, readPrograms } from './images.node.ts'
import { commandLine, findProgram, type ImageProgram, imageMissingMessage, normalizeReference } from './images.ts'

const program = (reference: string): ImageProgram => ({
  reference,
  entrypoint: ['run'],
  args: ['default'],
  env: {},
  id: `id of ${reference}`,
})

describe('image references', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['me/app', 'docker.io/me/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['localhost/app:1', 'localhost/app:1'],
    ['index.docker.io/me/app', 'docker.io/me/app:latest'],
    ['registry.k8s.io/e2e/agnhost:2.63.0', 'registry.k8s.io/e2e/agnhost:2.63.0'],
    ['app@sha256:00', 'docker.io/library/app@sha256:00'],
    ['app:v1@sha256:00', 'docker.io/library/app:v1@sha256:00'],
  ])('%s means %s', (short, long) => expect(normalizeReference(short)).toBe(long))

  it('finds the exact reference first, then a mapping that names no tag', () => {
    const programs = [program('app'), program('app:v2')]
    expect(findProgram(programs, 'docker.io/library/app:v2')?.reference).toBe('app:v2')
    expect(findProgram(programs, 'app:v3')?.reference).toBe('app')
    expect(findProgram(programs, 'other')).toBeUndefined()
    expect(findProgram([program('app:v2')], 'app:v3')).toBeUndefined()
  })

  it('says what to type when nothing is mapped', () => {
    expect(imageMissingMessage('my-app:latest')).toBe(
      'no program is mapped to image "my-app:latest"; start ebb with --image my-app:latest=./folder, or give the container a command',
    )
  })
})

// Source: Kubernetes documentation, "Define a Command and Arguments for a Container", the table of the four cases.
it.each([
  [[], [], ['run', 'default']],
  [['c'], [], ['c']],
  [[], ['a'], ['run', 'a']],
  [['c'], ['a'], ['c', 'a']],
])('command %j and args %j run %j', (command, args, line) => {
  expect(commandLine(program('x'), command, args)).toEqual(line)
})

describe('mapped programs', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ebb-images-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    [1000, { uid: 1000 }],
    ['1000', { uid: 1000 }],
    ['1000:2000', { uid: 1000, gid: 2000 }],
  ])('reads the user of ebb.json: %s', (user, expected) => {
    writeFileSync(join(folder, 'ebb.json'), JSON.stringify({ command: ['node'], user }))
    expect(readProgram('app', folder).user).toEqual(expected)
  })

  it.each(['node', '-1', '1:', '1:2:3', 1.5, ''])('refuses %s as the user of ebb.json', (user) => {
    writeFileSync(join(folder, 'ebb.json'), JSON.stringify({ command: ['node'], user }))
    expect(() => readProgram('app', folder)).toThrow('ebb.json needs "user" to be a number, or "UID:GID"')
  })

  it('reads ebb.json; a relative program lies in the folder', () => {
    writeFileSync(
      join(folder, 'ebb.json'),
      '{"command": ["./run", "./x"], "args": ["y"], "env": {"A": "b"}, "stopSignal": "SIGQUIT"}',
    )
    expect(readProgram('app', folder)).toMatchObject({
      reference: 'app',
      folder,
      entrypoint: [join(folder, 'run'), './x'],
      args: ['y'],
      env: { A: 'b' },
      stopSignal: 'SIGQUIT',
      workingDir: folder,
    })
  })

  it('reads package.json: the start script as PID 1, else main', () => {
    writeFileSync(join(folder, 'package.json'), '{"scripts": {"start": "node server.js --x"}}')
    expect(readProgram('app', folder).entrypoint).toEqual(['/bin/sh', '-c', 'exec node server.js --x'])
    writeFileSync(join(folder, 'package.json'), '{"scripts": {"start": "A=1 node server.js && true"}}')
    expect(readProgram('app', folder).entrypoint).toEqual(['/bin/sh', '-c', 'A=1 node server.js && true'])
    writeFileSync(join(folder, 'package.json'), '{"main": "lib/main.js"}')
    expect(readProgram('app', folder).entrypoint).toEqual([process.execPath, join(folder, 'lib/main.js')])
  })

  it('takes an executable, and a JavaScript file', () => {
    writeFileSync(join(folder, 'run'), '#!/bin/sh\n')
    expect(() => readProgram('app', join(folder, 'run'))).toThrow('not executable')
    chmodSync(join(folder, 'run'), 0o755)
    expect(readProgram('app', join(folder, 'run')).entrypoint).toEqual([join(folder, 'run')])
    writeFileSync(join(folder, 'a.mjs'), '')
    expect(readProgram('app', join(folder, 'a.mjs')).entrypoint).toEqual([process.execPath, join(folder, 'a.mjs')])
  })

  it('says what is wrong, and what to do', () => {
    expect(() => readProgram('app', join(folder, 'missing'))).toThrow(
      `--image app=${folder}/missing: there is no such file or folder`,
    )
    expect(() => readProgram('app', folder)).toThrow('add an ebb.json such as')
    writeFileSync(join(folder, 'ebb.json'), '{')
    expect(() => readProgram('app', folder)).toThrow('ebb.json is not JSON')
    writeFileSync(join(folder, 'ebb.json'), '{"command": "node x"}')
    expect(() => readProgram('app', folder)).toThrow('needs "command", a list of words')
  })

  it('always has the built-in image, and lets others be played by it', () => {
    mkdirSync(join(folder, 'dist'))
    const programs = readPrograms({ 'registry.k8s.io/agnhost:2': ECHO_IMAGE }, join(folder, 'dist', 'echo.mjs'))
    expect(findProgram(programs, 'ebb/echo')?.entrypoint.at(-1)).toBe(join(folder, 'dist', 'echo.mjs'))
    expect(findProgram(programs, 'registry.k8s.io/agnhost:2')?.entrypoint).toEqual(
      findProgram(programs, 'ebb/echo:latest')?.entrypoint,
    )
  })
})
