/** The folder that a cluster is kept in: whose it is, who may look into it, and what is said when it cannot be used. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ApiError } from '../api/status.ts'
import { keepPrivate } from '../base/whole-file.node.ts'
import { CliError } from '../cli/cli-error.ts'
import type { Text } from '../cli/text.ts'
import type { Journal } from '../store/journal.ts'
import { MemoryJournal } from '../store/memory-journal.ts'
import { StoreError } from '../store/store.ts'
import { MAPPINGS_FILE } from './image-mappings.node.ts'
import { systemError } from './system-error.node.ts'

/** What ebb keeps in a data folder. */
const DATA_NAMES = ['store', 'pki', 'kubeconfig', MAPPINGS_FILE]

/** The journal of a data folder; without one everything is in memory. */
export async function openJournal(data: string | undefined): Promise<Journal> {
  if (data === undefined) return new MemoryJournal()
  refuseForeign(data)
  const { openLmdbJournal } = await import('../store/lmdb-journal.node.ts')
  return openLmdbJournal(join(data, 'store'))
}

/** A folder that holds other things, and no store, is none of ours: nobody wants a cluster in the midst of their files. */
function refuseForeign(data: string): void {
  if (!existsSync(data)) return
  const names = readdirSync(data)
  const other = names.find((name) => !DATA_NAMES.includes(name))
  if (other === undefined || names.includes('store')) return
  throw new CliError({
    en: `${data} is not a data folder of ebb: it holds ${other}. Nothing was changed; choose another with --data`,
    ko: `${data} 은(는) ebb의 데이터 폴더가 아닙니다(${other} 이(가) 들어 있음). 아무것도 바꾸지 않았습니다. --data 로 다른 폴더를 고르세요`,
  })
}

/** Keys and secrets of a folder that others could look into, because an earlier ebb or its user made it so. */
export function keepDataPrivate(data: string): void {
  keepPrivate(data)
  for (const name of DATA_NAMES) keepPrivate(join(data, name))
  for (const name of ['pki', 'store'])
    for (const inside of readdirSync(join(data, name))) keepPrivate(join(data, name, inside))
}

/** Says what is wrong with a data folder, and how to go on. */
export async function inDataFolder<T>(data: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (data === undefined) throw systemError(error, inRunFolder)
    if (error instanceof ApiError) throw new CliError(`the data folder ${data} cannot be used: ${error.message}`)
    if (error instanceof StoreError) throw new CliError(`${error.message} (--data names another folder)`)
    throw systemError(error, (why) => ({
      en: `the data folder ${data} cannot be used (${why.en}): choose another with --data, or keep everything in memory with --ephemeral`,
      ko: `데이터 폴더 ${data} 을(를) 쓸 수 없습니다(${why.ko}). --data 로 다른 폴더를 고르거나, --ephemeral 로 메모리에서 실행하세요`,
    }))
  }
}

const inRunFolder = (why: Text): Text => ({
  en: `the keys of this ebb cannot be kept in its run folder (${why.en}): name another place in XDG_RUNTIME_DIR`,
  ko: `이 ebb의 키를 실행 폴더에 둘 수 없습니다(${why.ko}). XDG_RUNTIME_DIR 로 다른 곳을 지정하세요`,
})
