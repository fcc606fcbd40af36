/** Refusals of the operating system, as sentences with a way out. */
import { CliError } from '../cli/cli-error.ts'
import type { Text } from '../cli/text.ts'

const REASONS: Readonly<Record<string, Text>> = {
  EACCES: { en: 'permission denied', ko: '권한 없음' },
  EPERM: { en: 'not permitted', ko: '허용되지 않음' },
  EROFS: { en: 'read-only file system', ko: '읽기 전용 파일 시스템' },
  ENOSPC: { en: 'no space left', ko: '공간 없음' },
  ENOTDIR: { en: 'not a folder', ko: '폴더가 아님' },
  EISDIR: { en: 'it is a folder', ko: '폴더임' },
  EEXIST: { en: 'it is not a folder', ko: '폴더가 아님' },
  ENOENT: { en: 'there is no such file', ko: '그런 파일이 없음' },
  EDQUOT: { en: 'the quota is used up', ko: '할당량을 다 씀' },
  EFBIG: { en: 'the file would be too large', ko: '파일이 너무 큼' },
  EIO: { en: 'the disk fails', ko: '디스크 오류' },
  ELOOP: { en: 'too many links', ko: '링크가 너무 많음' },
  ENAMETOOLONG: { en: 'the name is too long', ko: '이름이 너무 긺' },
  EMFILE: { en: 'no file descriptors left', ko: '파일 디스크립터 부족' },
  ENFILE: { en: 'no file descriptors left', ko: '파일 디스크립터 부족' },
  ENOMEM: { en: 'no memory left', ko: '메모리 부족' },
}

/** A refusal of the system as the sentence that `say` makes of its reason; any other error as it is. */
export function systemError(error: unknown, say: (why: Text) => Text): unknown {
  const reason = REASONS[(error as NodeJS.ErrnoException).code ?? '']
  return reason ? new CliError(say(reason)) : error
}
