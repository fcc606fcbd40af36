/** Commands whose way into the container fails: the way alone is played, by a shell in bubblewrap's place. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../base/clock.node.ts'
import { type ExecPlan, runExec } from './exec.node.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ebb-exec-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `way`: what leads in, as shell text; on descriptor 6 it says that the command ran. */
function plan(way: string): ExecPlan {
  return {
    words: ['/bin/sh', '-c', way],
    entered: true,
    env: {},
    cwd: folder,
    command: ['true'],
    execId: 'e1',
    sandbox: { args: '', namespaces: ['/proc/self/ns/user', '/proc/self/ns/pid'], internal: [folder] },
  }
}

const RAN = `echo '{ "exit-code": 0 }' >&6`
const MOUNT_ENDED = `echo "bwrap: Unable to apply mount flags: remount \\"${'/mnt/x'}\\": No such file or directory" >&2; exit 1`

describe('a command into whose container nothing leads', () => {
  it('is tried again where a mount ended in that moment', async () => {
    const way = `echo x >>tries; [ $(wc -l <tries) -lt 3 ] && { ${MOUNT_ENDED}; }; echo done; ${RAN}`
    expect(await runExec(plan(way), 10_000, systemClock)).toEqual({ exitCode: 0, stdout: 'done\n', stderr: '' })
    expect(readFileSync(join(folder, 'tries'), 'utf8')).toBe('x\nx\nx\n')
  })

  it('has failed, in the words of events, when that goes on', async () => {
    await expect(runExec(plan(MOUNT_ENDED), 10_000, systemClock)).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringMatching(
        /^failed to exec in container: failed to start exec "e1": .*Unable to apply mount flags/,
      ),
    })
  })

  it('has failed at once for another reason, which names no file of the node', async () => {
    const way = `echo >>once; echo "bwrap: Can't open ${folder}/x: No such file or directory" >&2; exit 1`
    await expect(runExec(plan(way), 10_000, systemClock)).rejects.toMatchObject({
      message: expect.stringMatching(/a file of the pod could not be mounted: no such file or directory/),
    })
    expect(readFileSync(join(folder, 'once'), 'utf8')).toBe('\n')
  })

  it('has not failed when it ran, whatever it said', async () => {
    const way = `echo >>ran; echo "bwrap: Unable to apply mount flags" >&2; ${RAN}; exit 1`
    expect(await runExec(plan(way), 10_000, systemClock)).toMatchObject({ exitCode: 1 })
    expect(readFileSync(join(folder, 'ran'), 'utf8')).toBe('\n')
  })
})
