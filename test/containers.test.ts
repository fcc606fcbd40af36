/** What the manifest of a container may ask for, as the real kubectl shows it: with real processes, probes and hooks. */
import { expect, it } from 'vitest'
import { becomesReady, eventsOf, makePod, needsBubblewrap, shell, useCluster } from './one-cluster.ts'

useCluster()

it('its directory, its arguments and its environment, with what $(VAR) stands for', async () => {
  await shell.ok('kubectl create configmap settings --from-literal=color=blue')
  await shell.ok('kubectl create secret generic keys --from-literal=key=s3cret')
  await makePod(
    'words',
    `  containers:
  - name: app
    image: x
    workingDir: /usr/share
    command: [sh, -c, 'pwd; printf "%s\\n" "$@" "$B" "$ESCAPED" "$UNKNOWN" "$NAME" "$TIER" "$COLOR" "$KEY"; exec sleep 600', sh]
    args: ["$(A)", "$(B)/$(NAME)"]
    env:
    - {name: A, value: one}
    - {name: B, value: "$(A)-two"}
    - {name: ESCAPED, value: "$$(A)"}
    - {name: UNKNOWN, value: "$(NOTHING)"}
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: TIER, valueFrom: {fieldRef: {fieldPath: "metadata.labels['tier']"}}}
    - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
    - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: key}}}`,
  )
  const said = await shell.until('kubectl logs words', (ran) => ran.stdout.includes('s3cret'))
  const words = [
    '/usr/share',
    'one',
    'one-two/words',
    'one-two',
    '$(A)',
    '$(NOTHING)',
    'words',
    'web',
    'blue',
    's3cret',
  ]
  expect(said.stdout.trimEnd().split('\n')).toEqual(words)
})

it('logs of the container that is named, of the last lines, of the last second', async (context) => {
  needsBubblewrap(context)
  await makePod(
    'talks',
    `  initContainers:
  - {name: first, image: x, command: [sh, -c, 'echo first > /v/order; echo begun'], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: second, image: x, command: [sh, -c, 'echo second >> /v/order'], volumeMounts: [{name: v, mountPath: /v}]}
  containers:
  - name: app
    image: x
    command: [sh, -c, 'cat /v/order; while :; do echo tick; sleep 0.1; done']
    volumeMounts: [{name: v, mountPath: /v}]
  - {name: other, image: x, command: [sh, -c, 'echo here; exec sleep 600']}
  volumes: [{name: v, emptyDir: {}}]`,
  )
  await becomesReady('talks')
  expect((await shell.until('kubectl logs talks -c other', (ran) => ran.stdout !== '')).stdout).toBe('here\n')
  expect(await shell.ok('kubectl logs talks -c first')).toBe('begun\n')
  const all = await shell.until('kubectl logs talks -c app', (ran) => ran.stdout.split('tick').length > 30)
  expect(all.stdout).toMatch(/^first\nsecond\ntick\n/)
  expect(await shell.ok('kubectl logs talks -c app --tail=2')).toBe('tick\ntick\n')
  // On a busy machine it may not have come to say anything for a second.
  await shell.until('kubectl logs talks -c app --since=1s', (ran) => /^(tick\n){1,29}$/.test(ran.stdout))
})

it('a readiness probe by tcpSocket: not ready until somebody listens, and why', async () => {
  await makePod(
    'slow',
    `  containers:
  - {name: app, image: ebb/echo, env: [{name: START_DELAY_MS, value: "2500"}], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}`,
  )
  await becomesReady('slow')
  expect(await shell.ok(eventsOf('slow'))).toMatch(
    /Unhealthy: Readiness probe failed: dial tcp [\d.]+:8080: connect: connection refused/,
  )
})

it('a liveness probe by exec: the container ends and begins again', async () => {
  await makePod(
    'sick',
    `  containers:
  - name: app
    image: x
    command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']
    startupProbe: {exec: {command: ["true"]}, periodSeconds: 1}
    livenessProbe: {exec: {command: [sh, -c, 'echo not well; test ! -e ${shell.folder}/sick']}, periodSeconds: 1, failureThreshold: 1}
    volumeMounts: [{name: v, mountPath: ${shell.folder}}]
  volumes: [{name: v, hostPath: {path: ${shell.folder}}}]`,
  )
  await becomesReady('sick')
  shell.write('sick', '')
  await shell.until(
    `kubectl get po sick -o jsonpath='{.status.containerStatuses[0].restartCount}'`,
    (ran) => ran.stdout === '1',
  )
  const told = await shell.ok(eventsOf('sick'))
  expect(told).toContain('Unhealthy: Liveness probe failed: not well')
  expect(told).toContain('Killing: Container app failed liveness probe, will be restarted')
})

it('postStart by httpGet and by exec; a container is not ready before', async (context) => {
  needsBubblewrap(context)
  await makePod(
    'greeted',
    `  initContainers:
  - name: hears
    image: ebb/echo
    restartPolicy: Always
    env: [{name: LOG_REQUESTS, value: "1"}]
    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
  containers:
  - name: app
    image: x
    command: [sleep, "600"]
    lifecycle: {postStart: {httpGet: {path: /started, port: 8080}}}
  - name: other
    image: x
    command: [sh, -c, 'echo begun; exec sleep 600']
    lifecycle: {postStart: {exec: {command: [sh, -c, 'sleep 1; echo hooked > /proc/1/fd/1']}}}`,
  )
  await becomesReady('greeted')
  expect(await shell.ok('kubectl logs greeted -c hears')).toContain('GET /started\n')
  expect(await shell.ok('kubectl logs greeted -c other')).toBe('begun\nhooked\n')
})

it('last words: from their file, or the end of the log of what failed', async (context) => {
  needsBubblewrap(context)
  await makePod(
    'words-of',
    `  restartPolicy: Never
  containers:
  - {name: file, image: x, terminationMessagePath: /tmp/last, command: [sh, -c, 'echo logged; echo written > /tmp/last; exit 3']}
  - {name: log, image: x, terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, 'echo logged; exit 4']}
  - {name: none, image: x, command: [sh, -c, 'echo logged; exit 5']}`,
  )
  const state = '.state.terminated'
  const told = await shell.until(
    `kubectl get po words-of -o jsonpath='{.status.phase}{range .status.containerStatuses[*]} {.name} {${state}.exitCode} [{${state}.message}]{end}'`,
    (ran) => ran.stdout.startsWith('Failed'),
  )
  expect(told.stdout).toBe('Failed file 3 [written\n] log 4 [logged\n] none 5 []')
})

it('exec with a terminal, from a terminal', async (context) => {
  if ((await shell.run('command -v script')).code !== 0) context.skip('script (bsdutils) is not installed')
  const inner = `stty rows 44 cols 99; kubectl exec -it words -- sh -c "sleep 0.5; stty size; test -t 1 && echo terminal; exit 6"`
  const ran = await shell.run(`script -qec '${inner}' /dev/null`)
  expect(ran.stdout.replaceAll('\r', '')).toContain('44 99\nterminal\n')
  expect(ran.code).toBe(6)
})

it('what kubectl explain says of it', async () => {
  const text = await shell.ok('kubectl explain pod.spec.terminationGracePeriodSeconds')
  expect(text).toMatch(/KIND: +Pod\nVERSION: +v1\n\nFIELD: terminationGracePeriodSeconds <integer>\n/)
  expect(text).toContain('Defaults to 30 seconds.')
  expect(await shell.ok('kubectl explain deployments.spec.strategy --recursive')).toContain(
    'maxUnavailable\t<IntOrString>',
  )
})
