/** What the store says when it takes no writes, in the words that Kubernetes has for etcd. */
import { ApiError, failure } from '../api/status.ts'
import { type Commit, type Store, StoreError } from '../store/store.ts'

/** Of etcd, when its space is used up: an error without a reason, as Kubernetes passes on what it has no words for. */
const NO_SPACE = 'etcdserver: mvcc: database space exceeded'

/** Writes of `store`, whose refusals are thrown as ApiErrors; those of a commit that was taken come from `durable`. */
export function inApiWords<V>(store: Store<V>): Pick<Store<V>, 'transact'> {
  return {
    transact(body) {
      try {
        return store.transact(body)
      } catch (error) {
        throw apiError(error)
      }
    },
  }
}

/** The result of a commit, once it is durable and visible to every reader. Rejects with an ApiError when it was not written. */
export async function durable<T>(commit: Commit<T>): Promise<T> {
  try {
    await commit.durable
  } catch (error) {
    throw apiError(error)
  }
  return commit.result
}

function apiError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error
  if (error.code === 'closed') return failure(503, 'ServiceUnavailable', 'the server is shutting down')
  if (error.code === 'journal-failed') return failure(500, 'InternalError', `Internal error occurred: ${error.message}`)
  if (error.code !== 'no-space') return error
  const head = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' } as const
  return new ApiError({ ...head, message: NO_SPACE, code: 500 })
}
