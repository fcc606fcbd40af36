/** The report's words in English and Korean. */
import type { LossCause } from './classify.ts'

export type Language = 'en' | 'ko'

export interface Words {
  readonly title: string
  readonly intro: (replicas: number, rate: number) => string
  readonly kubelet: string
  readonly routing: string
  readonly deletePod: (pod: string) => string
  readonly roll: string
  readonly marked: (grace: number) => string
  readonly seen: string
  readonly preStop: string
  readonly preStopDone: (ms: string) => string
  readonly signal: (signal: string, pid: string) => string
  readonly exited: (code: number, meaning: string) => string
  readonly endedBy: Readonly<Record<'clean' | 'term' | 'kill' | 'error', string>>
  readonly removed: string
  readonly ready: string
  readonly added: string
  readonly terminating: (serving: boolean) => string
  readonly endpointGone: string
  readonly rules: (backends: number) => string
  readonly load: (requests: number, p50: string, p99: string) => string
  readonly noneLost: (requests: number) => string
  readonly lost: (lost: number, requests: number) => string
  readonly cause: Readonly<Record<LossCause, string>>
  readonly sentAt: string
  readonly more: (n: number) => string
  readonly unsure: string
  readonly verdict: string
  readonly verdictLost: (app: string, lost: number, requests: number, why: string) => string
  readonly verdictNone: (app: string, requests: number) => string
  readonly because: (n: number, cause: string) => string
  readonly preStopOutlived: (ms: string) => string
  readonly took: (seconds: string) => string
  readonly senderLate: (ms: string) => string
  readonly and: string
}

const en: Words = {
  title: 'ebb: first termination report',
  intro: (replicas, rate) =>
    `Two apps, each a Deployment of ${replicas} replicas behind a Service, under ${rate} requests/s in an open loop (a request counts from when it was due). One pod is deleted, then the Deployment is rolled. Times are ms from each action.`,
  kubelet: 'kubelet: how the pod ends',
  routing: 'routing: where new connections go',
  deletePod: (pod) => `delete pod ${pod}`,
  roll: 'roll the Deployment',
  marked: (grace) => `DELETE accepted, grace ${grace} s`,
  seen: 'deletion seen',
  preStop: 'preStop begins',
  preStopDone: (ms) => `preStop ended after ${ms} ms`,
  signal: (signal, pid) => `${signal}${pid ? ` to process ${pid}` : ''}`,
  exited: (code, meaning) => `exited, code ${code} (${meaning})`,
  endedBy: { clean: 'no error', term: '128 + SIGTERM', kill: '128 + SIGKILL', error: 'error' },
  removed: 'pod gone from the API',
  ready: 'new pod ready',
  added: 'endpoint added',
  terminating: (serving) => `endpoint terminating, ${serving ? 'serving' : 'not serving'}`,
  endpointGone: 'endpoint removed',
  rules: (backends) => `rules changed: ${backends} backend${backends === 1 ? '' : 's'}`,
  load: (requests, p50, p99) => `${requests} requests, answered in ${p50} ms (median), ${p99} ms (p99)`,
  noneLost: (requests) => `none of ${requests} requests lost`,
  lost: (lost, requests) => `${lost} of ${requests} requests lost`,
  cause: {
    'in-flight-at-exit': 'in flight in the pod when its program exited',
    'stopped-listening': 'sent to a pod that no longer listened but was still in the rules',
    'kept-connection': 'sent on a kept connection that the ending program was closing',
    'not-listening-yet': 'sent to a pod that was in the rules before it listened',
    'no-endpoints': 'refused: the Service had no backend',
    'server-error': 'answered with an error of the server',
    unknown: 'not explained by what was recorded',
  },
  sentAt: 'sent at',
  more: (n) => `and ${n} more`,
  unsure: 'which pod: by the time alone',
  verdict: 'Verdict',
  verdictLost: (app, lost, requests, why) => `the ${app} app lost ${lost} of ${requests} requests, ${why}`,
  verdictNone: (app, requests) => `the ${app} app lost none of ${requests}`,
  because: (n, cause) => `${n} ${cause}`,
  preStopOutlived: (ms) => `, because its program went on serving until ${ms} ms after the rules had left the pod out`,
  took: (seconds) => `The report took ${seconds} s.`,
  senderLate: (ms) => `(the sender itself was up to ${ms} ms late)`,
  and: ' and ',
}

const ko: Words = {
  title: 'ebb: 첫 종료 보고서',
  intro: (replicas, rate) =>
    `두 앱을 각각 복제본 ${replicas}개의 Deployment와 Service로 띄우고, 응답을 기다리지 않고 초당 ${rate}개의 요청을 보냅니다(지연은 보냈어야 할 때부터 셉니다). 파드 하나를 지우고, 이어 Deployment를 롤링합니다. 시각은 각 동작 후 ms입니다.`,
  kubelet: 'kubelet: 파드가 끝나는 과정',
  routing: '라우팅: 새 연결이 가는 곳',
  deletePod: (pod) => `파드 ${pod} 삭제`,
  roll: 'Deployment 롤링',
  marked: (grace) => `DELETE 수락, 유예 ${grace}초`,
  seen: '삭제를 알아챔',
  preStop: 'preStop 시작',
  preStopDone: (ms) => `preStop 끝, ${ms} ms 걸림`,
  signal: (signal, pid) => `${signal}${pid ? ` → 프로세스 ${pid}` : ''}`,
  exited: (code, meaning) => `종료, 코드 ${code} (${meaning})`,
  endedBy: { clean: '오류 없음', term: '128 + SIGTERM', kill: '128 + SIGKILL', error: '오류' },
  removed: '파드가 API에서 사라짐',
  ready: '새 파드 준비됨',
  added: '엔드포인트 추가',
  terminating: (serving) => `엔드포인트 종료 중, ${serving ? '응답 가능' : '응답 불가'}`,
  endpointGone: '엔드포인트 제거',
  rules: (backends) => `규칙 변경: 백엔드 ${backends}개`,
  load: (requests, p50, p99) => `요청 ${requests}개, 응답 시간 중앙값 ${p50} ms, p99 ${p99} ms`,
  noneLost: (requests) => `요청 ${requests}개 중 잃은 것 없음`,
  lost: (lost, requests) => `요청 ${requests}개 중 ${lost}개를 잃음`,
  cause: {
    'in-flight-at-exit': '처리 중에 프로그램이 끝남',
    'stopped-listening': '더는 연결을 받지 않지만 규칙에 남아 있던 파드로 감',
    'kept-connection': '끝나는 프로그램이 닫던 유지 연결로 보냄',
    'not-listening-yet': '아직 연결을 받지 않는데 규칙에 들어온 파드로 감',
    'no-endpoints': '거부됨: Service에 백엔드가 없음',
    'server-error': '서버 오류로 응답됨',
    unknown: '기록으로는 설명되지 않음',
  },
  sentAt: '보낸 시각',
  more: (n) => `외 ${n}개`,
  unsure: '어느 파드인지는 시각으로만 추정',
  verdict: '판정',
  verdictLost: (app, lost, requests, why) => `${app} 앱은 요청 ${requests}개 중 ${lost}개를 잃음(${why})`,
  verdictNone: (app, requests) => `${app} 앱은 ${requests}개 중 하나도 잃지 않음`,
  because: (n, cause) => `${n}개는 ${cause}`,
  preStopOutlived: (ms) => ` — 규칙에서 빠진 뒤에도 ${ms} ms 동안 계속 응답했기 때문`,
  took: (seconds) => `보고서에 ${seconds}초 걸렸습니다.`,
  senderLate: (ms) => `(보내는 쪽이 최대 ${ms} ms 늦음)`,
  and: ', ',
}

export const WORDS: Readonly<Record<Language, Words>> = { en, ko }
