import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ECHO_IMAGE, programsOf, readProgram } from './images.node.ts'
import {
  commandLine,
  findMapping,
  type ImageProgram,
  imageMissingMessage,
  normalizeReference,
  toolImage,
} from './images.ts'

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

  const found = (references: readonly string[], wanted: string) =>
    findMapping(
      references.map((reference) => ({ reference })),
      wanted,
    )?.reference

  it.each<[string, string[], string | undefined]>([
    ['docker.io/library/app:v2', ['app', 'app:v2', '*'], 'app:v2'],
    ['app:v3', ['app', 'app:v2', 'app:*'], 'app'],
    ['other', ['app'], undefined],
    ['app:v3', ['app:v2'], undefined],
    ['registry.example.org/team/app:1', ['registry.example.org/*'], 'registry.example.org/*'],
    ['registry.example.org/app', ['registry.example.org/*', 'registry.example.org/app-*'], 'registry.example.org/*'],
    [
      'registry.example.org/app-x:1',
      ['registry.example.org/*', 'registry.example.org/app-*'],
      'registry.example.org/app-*',
    ],
    ['other.example.org/app', ['registry.example.org/*'], undefined],
    ['team/app:dev', ['*:dev'], '*:dev'],
    ['app:dev', ['*:dev'], '*:dev'],
    ['app:devel', ['*:dev'], undefined],
    ['app', ['*:latest'], '*:latest'],
    ['me/app:1', ['me/*'], 'me/*'],
    ['registry.example.org/me/app:1', ['me/*'], undefined],
    ['a/bc/d:1', ['a*b*d:1'], 'a*b*d:1'],
    ['ab:1', ['ab*b:1'], undefined],
    ['app@sha256:00', ['app@*'], 'app@*'],
    ['anything', ['*'], '*'],
  ])('%s with %j runs %s', (wanted, references, expected) => expect(found(references, wanted)).toBe(expected))

  it('of two that fit alike the later one', () => {
    const mappings = [
      { reference: 'a*', id: 1 },
      { reference: '*a', id: 2 },
    ]
    expect(findMapping(mappings, 'a.example.org/a:a')?.id).toBe(2)
  })

  it('a pattern of many stars costs no more than one look for each', () => {
    const name = `${'a'.repeat(20_000)}b`
    expect(found([`${'a*'.repeat(2_000)}c`], name)).toBeUndefined()
  })

  it('says what to type when nothing is mapped', () => {
    expect(imageMissingMessage('my-app:latest')).toBe(
      'no program is mapped to image "my-app:latest": map one with "ebb image map my-app:latest=./folder", or give the container a command',
    )
  })

  it.each<[string, readonly string[], readonly string[] | undefined]>([
    ['busybox', ['sleep', '1'], ['sleep', '1']],
    ['busybox:1.36', [], ['sh']],
    ['registry.k8s.io/e2e-test-images/busybox:1.37.0-1', ['sleep', '1'], ['sleep', '1']],
    ['docker.io/library/alpine@sha256:00', ['ls'], ['ls']],
    ['debian:12', [], ['bash']],
    ['python:3.12-slim', ['python3', '-c', '1'], ['python3', '-c', '1']],
    ['public.ecr.aws/docker/library/python:3', [], ['python3']],
    ['curlimages/curl:8', ['-s', 'http://web'], ['curl', '-s', 'http://web']],
    ['registry.example.org/team/python:3', ['serve'], undefined],
    ['me/debian', [], undefined],
    ['invalid.registry.k8s.io/invalid/alpine:3.1', [], undefined],
    ['nginx', [], undefined],
    ['my-app', ['serve'], undefined],
  ])('the image of tools %s with %j runs %j', (reference, args, line) => {
    const tool = toolImage(reference)
    expect(tool && commandLine({ reference, env: {}, id: '', ...tool }, [], args)).toEqual(line)
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
      `app=${folder}/missing: there is no such file or folder`,
    )
    expect(() => readProgram('app', folder)).toThrow('add an ebb.json such as')
    writeFileSync(join(folder, 'ebb.json'), '{')
    expect(() => readProgram('app', folder)).toThrow('ebb.json is not JSON')
    writeFileSync(join(folder, 'ebb.json'), '{"command": "node x"}')
    expect(() => readProgram('app', folder)).toThrow('needs "command", a list of words')
  })

  describe('the mappings of a node', () => {
    const echoFile = () => join(folder, 'dist', 'echo.mjs')
    const file = () => join(folder, 'images.json')
    const write = (mappings: Record<string, string>) => {
      writeFileSync(`${file()}.new`, JSON.stringify(mappings))
      renameSync(`${file()}.new`, file())
    }

    it('always have the built-in image, and let others be played by it', () => {
      mkdirSync(join(folder, 'dist'))
      write({ 'registry.k8s.io/agnhost:2': ECHO_IMAGE })
      const find = programsOf(file(), echoFile())
      expect(find('ebb/echo')?.entrypoint.at(-1)).toBe(echoFile())
      expect(find('registry.k8s.io/agnhost:2')?.entrypoint).toEqual(find('ebb/echo:latest')?.entrypoint)
    })

    it('are looked at again when they have changed, and what they lead to is read anew', () => {
      const find = programsOf(file(), echoFile())
      expect(find('app')).toBeUndefined()
      writeFileSync(join(folder, 'ebb.json'), '{"command": ["one"]}')
      write({ app: folder })
      expect(find('app')?.entrypoint).toEqual(['one'])
      writeFileSync(join(folder, 'ebb.json'), '{"command": ["two"]}')
      write({ app: folder })
      expect(find('app')?.entrypoint).toEqual(['two'])
      write({})
      expect(find('app')).toBeUndefined()
    })

    it('that lead to nothing say so, and leave the others alone', () => {
      write({ gone: join(folder, 'gone'), 'ebb/echo': ECHO_IMAGE })
      const find = programsOf(file(), echoFile())
      expect(() => find('gone')).toThrow(`gone=${folder}/gone: there is no such file or folder`)
      expect(find('ebb/echo')).toBeDefined()
    })

    it('go before images of tools', () => {
      writeFileSync(join(folder, 'ebb.json'), '{"command": ["mine"]}')
      write({ busybox: folder })
      const find = programsOf(file(), echoFile())
      expect(find('busybox:1')?.entrypoint).toEqual(['mine'])
      expect(find('alpine')).toMatchObject({ entrypoint: [], args: ['sh'], isTools: true })
    })
  })
})
