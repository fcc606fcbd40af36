/** `kubectl rollout` as people use it: history, undo to a revision, pause and resume. What pods do meanwhile is tested elsewhere. */
import { expect, it } from 'vitest'
import { shell, useCluster } from './one-cluster.ts'

useCluster({ args: ['--no-node'] })

/** Waits until the ReplicaSets are of these images, each with its revision. */
const sets = (wanted: string) => {
  const each = '{.metadata.annotations.deployment\\.kubernetes\\.io/revision}:{.spec.template.spec.containers[0].image}'
  const sorted = (text: string) => text.trim().split(' ').sort().join(' ')
  return shell.until(
    `kubectl get rs -o jsonpath='{range .items[*]}${each} {end}'`,
    (ran) => sorted(ran.stdout) === sorted(wanted),
  )
}
const revisions = async () =>
  [...(await shell.ok('kubectl rollout history deployment/web')).matchAll(/^(\d+) /gm)].map((m) => Number(m[1]))

it('undo goes back to the revision that is named, as a new one', async () => {
  await shell.ok('kubectl create deployment web --image=app:a')
  await sets('1:app:a')
  await shell.ok('kubectl set image deployment/web app=app:b')
  await sets('1:app:a 2:app:b')
  await shell.ok('kubectl set image deployment/web app=app:c')
  await sets('1:app:a 2:app:b 3:app:c')
  expect(await revisions()).toEqual([1, 2, 3])
  expect(await shell.ok('kubectl rollout history deployment/web --revision=2')).toMatch(/Image:\s+app:b/)
  expect(await shell.ok('kubectl rollout undo deployment/web --to-revision=1')).toBe(
    'deployment.apps/web rolled back\n',
  )
  await sets('4:app:a 2:app:b 3:app:c')
  expect(await revisions()).toEqual([2, 3, 4])
  expect((await shell.run('kubectl rollout undo deployment/web --to-revision=1')).stderr).toContain(
    'unable to find specified revision 1 in history',
  )
})

it('paused, nothing rolls; resumed, it does', async () => {
  expect(await shell.ok('kubectl rollout pause deployment/web')).toBe('deployment.apps/web paused\n')
  await shell.ok('kubectl set image deployment/web app=app:d')
  const observed = "kubectl get deployment web -o jsonpath='{.metadata.generation} {.status.observedGeneration}'"
  await shell.until(observed, (ran) => /^(\d+) \1$/.test(ran.stdout))
  await sets('4:app:a 2:app:b 3:app:c')
  expect((await shell.run('kubectl rollout undo deployment/web')).stderr).toContain('you cannot rollback a paused')
  expect(await shell.ok('kubectl rollout resume deployment/web')).toBe('deployment.apps/web resumed\n')
  await sets('4:app:a 2:app:b 3:app:c 5:app:d')
})
