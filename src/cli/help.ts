/** The words of `ebb --help`, and what the argument parser says, in English and Korean. */
import type { Language, Text } from './text.ts'

interface Help {
  readonly about: string
  readonly up: string
  readonly down: string
  readonly status: string
  readonly url: string
  readonly report: string
  readonly version: string
  readonly port: string
  readonly whichPort: string
  readonly data: string
  readonly ephemeral: string
  readonly token: string
  readonly kubeconfig: string
  readonly nodes: string
  readonly noNode: string
  readonly image: string
  readonly images: string
  readonly imageVerb: string
  readonly imageMap: string
  readonly imageList: string
  readonly imageUnmap: string
  readonly detach: string
  readonly namespace: string
  readonly lang: string
  readonly help: string
  readonly helpVerb: string
  readonly titles: Readonly<Record<string, string>>
  readonly afterError: (command: string) => string
  readonly examples: string
}

const en: Help = {
  about: 'A Kubernetes control plane and node in one process tree, whose main subject is how a pod ends.',
  up: 'start a cluster and stay in the foreground; Ctrl-C ends its pods gracefully, a second one at once',
  down: 'end a running cluster: pods gracefully, then everything',
  status: 'what runs: clusters, nodes, pods by phase, what is terminating',
  url: 'print an address on this machine that reaches service/NAME[:PORT] or pod/NAME:PORT',
  report: 'the first termination report: a careless and a careful app under load, their pods ended, the requests lost',
  version: 'versions of ebb and of the Kubernetes API it speaks',
  port: 'port of the API server on 127.0.0.1; 0 takes a free one (default: 6443)',
  whichPort: 'which one, when several run',
  data: 'folder for objects and certificates (default: ~/.local/share/ebb)',
  ephemeral: 'keep everything in memory and leave nothing behind',
  token: 'a bearer token for the administrator, beside the client certificate; EBB_TOKEN keeps it off the command line',
  kubeconfig: "where to write the kubeconfig; never overwrites somebody else's",
  nodes: 'how many nodes (default: 1)',
  noNode: 'the control plane alone',
  image: 'what an image reference runs; may be given again',
  images: 'a file of such lines, REFERENCE=PATH, # for comments; paths begin at the folder of the file',
  imageVerb: 'what image references run in a running cluster; kept in its data folder',
  imageMap: 'let references run programs from now on; a reference may be a pattern: "registry.example.org/*", "*:dev"',
  imageList: 'show what is mapped',
  imageUnmap: 'forget what references run; what runs goes on',
  detach: 'return when it is ready; "ebb down" ends it',
  namespace: 'namespace (default: default)',
  lang: 'language of messages (default: from LANG)',
  help: 'show this help',
  helpVerb: 'show the help of a command',
  titles: {},
  afterError: (command) => `("${command} --help" shows what there is)`,
  examples: `
Examples:
  ebb up                                        a cluster with one node; its data stays for the next time
  ebb up --ephemeral --port 0                   in memory, on any free port: for tests
  ebb up --image my-app:latest=./app            pods with the image my-app:latest run the program in ./app
  ebb image map "my-app:*=./app"                the same in a cluster that runs, for every tag, and kept
  ebb up --detach                               in the background, and how to point kubectl at it; "ebb down" ends it
  ebb url service/web                           an address on this machine that reaches the Service
  ebb report                                    what a careless and a careful app lose when their pods end

What an image means here: there are no images to pull. A container with a command runs that command from this machine's PATH, and so
do the arguments of images of tools (busybox, alpine, debian, python, ...); --image and "ebb image map" let a reference run a folder
(with an ebb.json or a package.json "start") or an executable; ebb/echo is built in.
`,
}

const ko: Help = {
  about: '쿠버네티스 컨트롤 플레인과 노드를 한 프로세스 트리로. 파드가 어떻게 끝나는지를 보여 줍니다.',
  up: '클러스터를 시작해 포그라운드에서 실행; Ctrl-C 한 번은 파드를 정상 종료, 두 번은 즉시 종료',
  down: '실행 중인 클러스터를 종료: 파드를 정상 종료한 뒤 모두 끝냄',
  status: '실행 중인 것: 클러스터, 노드, 단계별 파드 수, 종료 중인 파드',
  url: 'service/이름[:포트] 또는 pod/이름:포트 에 닿는 이 컴퓨터의 주소를 출력',
  report: '첫 종료 보고서: 부하를 받는 부주의한 앱과 주의 깊은 앱의 파드를 끝내고, 잃은 요청을 설명',
  version: 'ebb와 쿠버네티스 API의 버전',
  port: '127.0.0.1 에서 API 서버가 쓸 포트; 0이면 빈 포트 (기본값: 6443)',
  whichPort: '여럿이 실행 중일 때 고를 포트',
  data: '오브젝트와 인증서를 둘 폴더 (기본값: ~/.local/share/ebb)',
  ephemeral: '모두 메모리에 두고 아무것도 남기지 않음',
  token: '클라이언트 인증서 외에 관리자가 쓸 bearer 토큰; EBB_TOKEN을 쓰면 명령줄에 남지 않음',
  kubeconfig: 'kubeconfig를 쓸 곳; 다른 사람의 파일은 덮어쓰지 않음',
  nodes: '노드 수 (기본값: 1)',
  noNode: '컨트롤 플레인만',
  image: '이미지 이름이 실행할 프로그램; 여러 번 쓸 수 있음',
  images: '"이미지=경로" 줄로 된 파일, #은 주석; 경로는 그 파일의 폴더에서 시작',
  imageVerb: '실행 중인 클러스터에서 이미지 이름이 실행할 프로그램; 데이터 폴더에 남음',
  imageMap: '지금부터 이미지 이름이 프로그램을 실행하게 함; "registry.example.org/*", "*:dev" 같은 패턴도 됨',
  imageList: '연결된 것을 표시',
  imageUnmap: '연결을 잊음; 실행 중인 것은 계속 실행',
  detach: '준비되면 돌아옴; "ebb down"으로 종료',
  namespace: '네임스페이스 (기본값: default)',
  lang: '메시지 언어 (기본값: LANG에 따름)',
  help: '이 도움말을 표시',
  helpVerb: '명령의 도움말을 표시',
  titles: { 'Usage:': '사용법:', 'Options:': '옵션:', 'Commands:': '명령:' },
  afterError: (command) => `("${command} --help"로 쓸 수 있는 것을 볼 수 있습니다)`,
  examples: `
예:
  ebb up                                        노드 하나짜리 클러스터; 데이터는 다음에도 남아 있음
  ebb up --ephemeral --port 0                   메모리에서, 아무 빈 포트로: 테스트용
  ebb up --image my-app:latest=./app            이미지가 my-app:latest 인 파드는 ./app 의 프로그램을 실행
  ebb image map "my-app:*=./app"                실행 중인 클러스터에서 모든 태그에 대해 같은 일을 하고, 남겨 둠
  ebb up --detach                               백그라운드에서 실행하고 kubectl 설정을 알려 줌; "ebb down"으로 종료
  ebb url service/web                           Service에 닿는 이 컴퓨터의 주소
  ebb report                                    파드가 끝날 때 부주의한 앱과 주의 깊은 앱이 잃는 것

여기서 이미지란: 내려받을 이미지는 없습니다. command가 있는 컨테이너는 이 컴퓨터의 PATH에서 그 명령을 실행하고, 도구 이미지(busybox, alpine,
debian, python 등)의 args도 그렇습니다. --image와 "ebb image map"은 이미지 이름을 폴더(ebb.json, 또는 package.json의 "start")나 실행 파일에 연결합니다. ebb/echo는 내장되어 있습니다.
`,
}

export const HELP: Readonly<Record<Language, Help>> = { en, ko }

/** The argument parser's own sentences; the first group of each is what the person typed or left out. */
const SAID: readonly (readonly [RegExp, Text])[] = [
  [/unknown option '(.*?)'/, { en: 'there is no option $1', ko: '$1 옵션은 없습니다' }],
  [/unknown command '(.*?)'/, { en: 'there is no command "$1"', ko: '"$1" 명령은 없습니다' }],
  [/missing required argument '(.*?)'/, { en: '<$1> is missing', ko: '<$1> 이(가) 빠졌습니다' }],
  [/option '(.*?)' argument missing/, { en: '$1 needs a value', ko: '$1 에는 값이 필요합니다' }],
  [
    /too many arguments for '(.*?)'\. Expected (\d+) arguments? but got (\d+)\./,
    { en: '"$1" takes $2 argument(s), not $3', ko: '"$1"에 인수는 $2개인데 $3개를 받았습니다' },
  ],
  [/\(Did you mean one of (.*)\?\)/, { en: '(did you mean one of $1?)', ko: '(혹시 다음 중 하나인가요? $1)' }],
  [/\(Did you mean (.*)\?\)/, { en: '(did you mean $1?)', ko: '(혹시 $1 인가요?)' }],
]

/** An error of the argument parser, as ebb says it. */
export function parserSays(text: string, language: Language): string {
  return SAID.reduce((said, [from, to]) => said.replace(from, to[language]), text.replace(/^error: /, 'ebb: '))
}
