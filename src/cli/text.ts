/**
 * What people read, in English and Korean. Messages of this folder and of main/ are written in both, each as a Text; other parts
 * of ebb speak English only (their sentences also stand in events and annotations), and what of theirs comes to the terminal is
 * put into Korean here.
 */
export type Language = 'en' | 'ko'
export type Text = Readonly<Record<Language, string>>

/** Later patterns work on what earlier ones left: reasons stand inside sentences. */
const KOREAN: readonly (readonly [RegExp, string])[] = [
  // What a node cannot give: main/fabric.node.ts, kubelet/runtimes/process.node.ts, proxy/userspace.node.ts.
  [
    /This node has no namespaces of its own \((.*)\): pods are plain processes in the host's network, each should listen on the port in its PORT variable, and programs see each other\./,
    '이 노드에는 자체 네임스페이스가 없습니다($1). 파드는 호스트 네트워크의 일반 프로세스로 실행되고, 각자 PORT 변수에 적힌 포트에서 연결을 받아야 하며, 프로그램끼리 서로 보입니다.',
  ],
  [
    /bubblewrap ((?:is|cannot|does).*?): containers have no PID namespace and no files of their own; volumes and terminationMessagePath are not mounted\./,
    'bubblewrap을 쓸 수 없습니다($1). 컨테이너에 자체 PID 네임스페이스와 파일이 없고, 볼륨과 terminationMessagePath는 마운트되지 않습니다.',
  ],
  [
    /Services are carried by ebb itself instead of nftables: cluster IPs answer only where this machine has them, and pods see the proxy as their client\./,
    'Service를 nftables 대신 ebb가 직접 중계합니다. 클러스터 IP는 이 컴퓨터가 가진 주소일 때만 응답하고, 파드에는 프록시가 클라이언트로 보입니다.',
  ],
  [/emptyDir volumes of medium Memory are folders on disk\./, 'medium이 Memory인 emptyDir 볼륨은 디스크의 폴더입니다.'],
  [/CPU and memory limits of containers are not enforced\./, '컨테이너의 CPU·메모리 제한은 적용되지 않습니다.'],
  [
    /No pod gets privileged, hostPID, hostIPC, sysctls, seccomp profiles, SELinux labels or an unmasked \/proc, nor CAP_SYS_ADMIN: one that asks for them runs without, and an event says so\./,
    '어떤 파드도 privileged, hostPID, hostIPC, sysctl, seccomp 프로필, SELinux 레이블, 가리지 않은 /proc, CAP_SYS_ADMIN 을 받지 못합니다. 이를 요청한 파드는 그 설정 없이 실행되고, 이벤트로 알립니다.',
  ],
  [
    /Every container runs as the user who started ebb: runAsUser, runAsGroup and groups change how that user is called, at most\./,
    '모든 컨테이너는 ebb를 시작한 사용자로 실행됩니다. runAsUser, runAsGroup, 그룹은 기껏해야 그 사용자가 불리는 번호를 바꿉니다.',
  ],
  [/(\w+) has no namespaces/, '$1에는 네임스페이스가 없음'],
  [/the program (\S+) is missing \(Debian package (\S+)\)/, '$1 프로그램이 없음, 데비안 패키지 $2'],
  [/is missing \(Debian package (\S+)\)/, '없음, 데비안 패키지 $1'],
  [/is for Linux only/, '리눅스 전용'],
  [/does not work here \((.*?)\)/, '여기서는 동작하지 않음: $1'],
  [/cannot be started \((.*?)\)/, '시작할 수 없음: $1'],
  [
    /ordinary users may not make user namespaces here \((.*?)\)/,
    '여기서는 일반 사용자가 사용자 네임스페이스를 만들 수 없음: $1',
  ],
  [
    /the kernel refuses them here \((.*?)\); in a container, start it with --privileged; on Ubuntu, set (\S+?=0)/,
    '커널이 거부함: $1. 컨테이너 안이라면 --privileged로 시작하고, 우분투라면 $2으로 설정하세요',
  ],
  [
    /no more user namespaces are allowed here \((.*?)\); look at (\S+)/,
    '사용자 네임스페이스를 더 만들 수 없음: $1. $2 값을 확인하세요',
  ],
  [/they could not be made: /, '만들 수 없음: '],
  // A data folder that is not to be had: store/lmdb-journal.node.ts, store/folder-lock.node.ts.
  [
    /the data folder (.*) is in use by another ebb(?: \(process (\d+)\))?: stop that one, or choose another folder/,
    '다른 ebb(프로세스 $2)가 데이터 폴더 $1 을(를) 쓰고 있습니다. 그 ebb를 멈추거나("ebb down") 다른 폴더를 고르세요',
  ],
  [
    /(\S+) is not a data folder of this ebb: (.*)\. Nothing was changed; choose another folder/,
    '$1 은(는) 이 ebb의 데이터 폴더가 아닙니다($2). 아무것도 바꾸지 않았습니다. 다른 폴더를 고르세요',
  ],
  [
    /the data in (\S+) is damaged: (.*)\. Nothing was changed; restore a copy, or move the folder away to start anew/,
    '$1 의 데이터가 손상되었습니다($2). 아무것도 바꾸지 않았습니다. 백업을 되돌리거나, 폴더를 옮겨 두고 새로 시작하세요',
  ],
  [
    /the disk of (\S+) is full \((\d+) bytes left\): make room and start again/,
    '$1 의 디스크가 가득 찼습니다($2바이트 남음). 공간을 비우고 다시 시작하세요',
  ],
  [/it holds something else/, '다른 것이 들어 있음'],
  [/it is not a folder/, '폴더가 아님'],
  [/its (\S+) is not from ebb/, '$1 파일이 ebb의 것이 아님'],
  [
    /it has version (\S+) of the format, and this ebb reads version (\d+)/,
    '형식 버전이 $1 인데 이 ebb는 버전 $2 만 읽음',
  ],
  [/ \(--data names another folder\)/, ' (--data 로 지정)'],
  // What --image maps to: kubelet/runtimes/process/images.node.ts.
  [/: there is no such file or folder/, ': 그런 파일이나 폴더가 없습니다'],
  [
    /: the file is not executable: chmod \+x it, or map a folder with an ebb\.json/,
    ': 실행 파일이 아닙니다. chmod +x 하거나, ebb.json이 있는 폴더를 지정하세요',
  ],
  [
    /: ebb\.json needs "command", a list of words, for example (\{.*\})/,
    ': ebb.json에는 단어 목록인 "command"가 있어야 합니다. 예: $1',
  ],
  [/: ebb\.json needs "user" to be a number, or "UID:GID"/, ': ebb.json의 "user"는 숫자 또는 "UID:GID" 여야 합니다'],
  [
    /: nothing says what to run: add an ebb\.json such as (\{.*?\}), or "scripts": \{"start": \.\.\.\} to a package\.json/,
    ': 무엇을 실행할지 알 수 없습니다. $1 같은 ebb.json을 두거나, package.json에 "scripts": {"start": ...}를 넣으세요',
  ],
  [/: (\S+) is not JSON: /, ': $1 은(는) JSON이 아닙니다: '],
  // What a running ebb answers: main/cluster.node.ts.
  [
    /there is no node here whose network could be reached: start ebb without --no-node/,
    '노드가 없어 네트워크에 닿을 수 없습니다. --no-node 없이 ebb를 시작하세요',
  ],
  // What a report waited for: lab/wait.ts, lab/first-report.ts.
  [/waited (\S+) s in vain for (.*)/, '$1초 동안 기다렸지만 되지 않았습니다: $2'],
  [/Service (\S+) does not answer: /, 'Service $1 이(가) 응답하지 않습니다: '],
]

/** An English sentence of another part of ebb in Korean; what is not known stays as it is. */
export function inKorean(sentence: string): string {
  return KOREAN.reduce((text, [english, korean]) => text.replace(english, korean), sentence).replace('(프로세스 )', '')
}
