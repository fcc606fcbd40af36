import type { DeleteOptions } from '../api/object.ts'
import { ApiError } from '../api/status.ts'
import type { ListOptions, ListResult } from '../watch-cache/watch-cache.ts'
import { deleteObject } from './delete.ts'
import type { Kit, WriteOptions } from './kit.ts'
import { list } from './read.ts'
import type { StoredResource } from './resource.ts'

/**
 * Deletes each object that the selection lists, all of them at once: their commits share the journal's batches. Objects that
 * are gone meanwhile are no error; the first other error is thrown, after every delete had its turn.
 */
export async function deleteCollection(
  kit: Kit,
  resource: StoredResource,
  { selection, request }: { selection: ListOptions; request: DeleteOptions },
  options: WriteOptions,
): Promise<ListResult> {
  const listed = await list(resource, selection)
  const deletes = listed.items.map(({ object: { metadata } }) =>
    deleteObject(
      kit,
      resource,
      { ...options, namespace: metadata.namespace ?? '', name: metadata.name ?? '' },
      request,
    ),
  )
  for (const outcome of await Promise.allSettled(deletes)) {
    if (outcome.status === 'fulfilled') continue
    if (!(outcome.reason instanceof ApiError && outcome.reason.code === 404)) throw outcome.reason
  }
  return listed
}
