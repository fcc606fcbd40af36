import { describe, expect, it } from 'vitest'
// @ts-expect-error plain JavaScript, run by node as it is
import { comparable, differences } from './transcript.mjs'

const problems = (command: string, recorded: string, received: string) =>
  differences('stdout', ...comparable(command, recorded, received))

describe('transcripts are equal but for placeholders', () => {
  it('and for facts of the recorded machine', () => {
    const recorded =
      'gold-1   Ready   v1.36.2   Debian GNU/Linux 12 (bookworm)   6.18.44-fc-v657 (amd64)   containerd://2.1.9+unknown'
    const received = 'gold-1   Ready   v1.36.2   Ubuntu 24.04 LTS   6.8.0-45-generic (amd64)   ebb://0.1.0'
    expect(problems('kubectl get nodes -o wide', recorded, received)).toEqual([])
    expect(problems('kubectl get nodes -o wide', recorded, received.replace('amd64', 'arm64'))).toHaveLength(1)
    const version = (patch: number) => `Client Version: v1.36.${patch}\nServer Version: v1.36.2`
    expect(problems('kubectl version', version(2), version(3))).toEqual([])
    expect(
      problems('kubectl version', version(2), version(2).replace('Server Version: v1.36.2', 'Server Version: v1.36.3')),
    ).toHaveLength(1)
  })

  it('a quicker rollout shows fewer steps, in their order, and no others', () => {
    const step = (n: number) =>
      `Waiting for deployment "web" rollout to finish: ${n} out of 3 new replicas have been updated...`
    const done = 'deployment "web" successfully rolled out'
    const recorded = [step(1), step(1), step(2), step(2), done].join('\n')
    const status = 'kubectl rollout status deploy/web'
    expect(problems(status, recorded, `${done}\n`)).toEqual([])
    expect(problems(status, recorded, `${[step(2), step(2), step(2), done].join('\n')}\n`)).toEqual([])
    expect(problems(status, recorded, `${[step(2), step(1), done].join('\n')}\n`)).not.toEqual([])
    expect(problems(status, recorded, `${[step(0), done].join('\n')}\n`)).not.toEqual([])
    expect(problems(status, recorded, `${step(2)}\n`)).not.toEqual([])
    expect(problems('kubectl get po', recorded, `${done}\n`)).not.toEqual([])
  })
})
