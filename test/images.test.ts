/** What an image reference runs, changed while the cluster runs, and what the events of a pod say of it, with the real kubectl. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cluster, shell, useCluster } from './one-cluster.ts'

const EBB = fileURLToPath(new URL('../dist/ebb.mjs', import.meta.url))

/** Not below /tmp of the shell: a folder that the node sees too. */
let programs: string

useCluster()
beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), 'ebb-programs-'))
  chmodSync(programs, 0o755)
})
afterAll(async () => {
  rmSync(programs, { recursive: true, force: true })
})

const ebb = (words: string) =>
  shell.run(`${process.execPath} ${EBB} ${words}${words.includes('image ') ? ` --port ${port()}` : ''}`)
const port = () => /server: https:\/\/127\.0\.0\.1:(\d+)/.exec(readFileSync(cluster.kubeconfig, 'utf8'))?.[1]
const events = (name: string) =>
  shell.ok(
    `kubectl get events --field-selector involvedObject.name=${name} -o jsonpath='{range .items[*]}{.reason}: {.message}{"\\n"}{end}'`,
  )

/** A program that says its name, and stays. */
function program(name: string, says = name): string {
  const path = join(programs, name)
  writeFileSync(path, `#!/bin/sh\necho ${says}\nexec sleep 600\n`)
  chmodSync(path, 0o755)
  return path
}

const run = (name: string, image: string, more = '') =>
  shell.apply(
    `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: app, image: '${image}'${more}}]}}`,
  )
const says = (name: string, words: string) => shell.until(`kubectl logs ${name}`, (ran) => ran.stdout === words)

it('references are mapped, shown and forgotten while the nodes run', async () => {
  const one = program('one')
  const two = program('two')
  await run('early', 'registry.example.org/team/early:1')
  await shell.until(`kubectl get pod early -o jsonpath='{..waiting.reason}'`, (ran) =>
    /ErrImagePull|BackOff/.test(ran.stdout),
  )
  expect(await events('early')).toContain(
    'no program is mapped to image "registry.example.org/team/early:1": map one with "ebb image map registry.example.org/team/early:1=./folder"',
  )
  const mapped = await ebb(`image map 'registry.example.org/*=${one}' '*:dev=${two}'`)
  expect(mapped.all).toBe(`registry.example.org/* runs ${one}\n*:dev runs ${two}\n`)
  await run('first', 'registry.example.org/team/app:1')
  await run('second', 'my-app:dev')
  await says('first', 'one\n')
  await says('second', 'two\n')
  expect((await ebb('image ls')).stdout).toMatch(
    /^IMAGE +PROGRAM\nregistry\.example\.org\/\* +\S+one\n\*:dev +\S+two\n$/,
  )
  // What waited for its image takes it at its next try.
  await says('early', 'one\n')

  expect((await ebb(`image unmap '*:dev'`)).stdout).toBe('*:dev is not mapped any more; what runs goes on\n')
  await run('third', 'my-app:dev')
  await shell.until(`kubectl get pod third -o jsonpath='{..waiting.reason}'`, (ran) =>
    /ErrImagePull|BackOff/.test(ran.stdout),
  )
  expect(await shell.ok(`kubectl exec second -- sh -c 'echo still here'`)).toBe('still here\n')
  const again = await ebb(`image unmap '*:dev'`)
  expect(again).toMatchObject({ code: 1, stderr: 'ebb: no program is mapped to *:dev; "ebb image ls" shows what is\n' })
})

it('a file of mappings, whose paths begin at its folder; a wrong path is seen at once', async () => {
  program('three')
  const file = join(programs, 'images.txt')
  writeFileSync(file, '# mine\nthree=./three\nfour:1=ebb/echo\n')
  expect((await ebb(`image map --images ${file}`)).stdout).toBe(
    `three runs ${join(programs, 'three')}\nfour:1 runs ebb/echo\n`,
  )
  await run('file', 'three:latest')
  await says('file', 'three\n')
  expect(await ebb('image map x=./nowhere')).toMatchObject({ code: 1 })
  expect((await ebb('image map x=./nowhere')).stderr).toContain('there is no such file or folder')
  expect((await ebb('image map')).stderr).toContain('nothing to map')
})

it('an image of tools runs the program that its arguments name', async () => {
  await run(
    'tools',
    'registry.k8s.io/e2e-test-images/busybox:1.37.0-1',
    ', args: [sh, -c, "echo from the machine; exec sleep 600"]',
  )
  await says('tools', 'from the machine\n')
  expect(await events('tools')).toContain(
    'Pulled: Container image "registry.k8s.io/e2e-test-images/busybox:1.37.0-1" already present on machine and can be accessed by the pod',
  )
  await run('newest', 'busybox', ', args: [sh, -c, "echo newest; exec sleep 600"]')
  await says('newest', 'newest\n')
  expect(await events('newest')).toContain(
    'HostProgram: Image "busybox" was not pulled: the container runs a program of this machine',
  )
})

it.each([
  ['nope', ''],
  ['latest', ', imagePullPolicy: Always'],
])(
  'an image that is not mapped, beside a command, tag %s: said to be a program of the machine, not a pull',
  async (tag, policy) => {
    const image = `registry.else.example/quotes:${tag}`
    await run(`typo-${tag}`, image, `${policy}, command: [sh, -c, "echo mine; exec sleep 600"]`)
    await says(`typo-${tag}`, 'mine\n')
    const said = await events(`typo-${tag}`)
    expect(said).toContain(
      `HostProgram: Image "${image}" was not pulled: no program is mapped to it, so the container's command runs a program of this machine (to map one: ebb image map ${image}=PATH)`,
    )
    expect(said).not.toMatch(/Pulling|Successfully pulled|already present/)
  },
)
