import type { KubernetesObject } from '../api/object.ts'
import { isApiError } from '../api/status.ts'
import type { ApiClient, Resource } from '../client/api-client.ts'

/** Creates what should be there anyway: that it is there already, or that its namespace goes or is gone, is no failure. */
export async function createQuietly<T extends KubernetesObject>(
  client: ApiClient,
  resource: Resource<T>,
  object: T,
): Promise<void> {
  try {
    await client.create(resource, object)
  } catch (error) {
    const expected = ['AlreadyExists', 'Forbidden', 'NotFound'].some((reason) => isApiError(error, reason))
    if (!expected) throw error
  }
}
