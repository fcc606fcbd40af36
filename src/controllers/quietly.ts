/** Writes whose aim may be reached already, or be out of reach for good; neither is a failure. */
import type { DeleteOptions, KubernetesObject } from '../api/object.ts'
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

/** Deletes an object; that it is gone already is no failure. */
export async function deleteQuietly(
  client: ApiClient,
  resource: Resource,
  { metadata }: KubernetesObject,
  options?: DeleteOptions,
): Promise<void> {
  const { namespace = '', name = '' } = metadata
  try {
    await client.delete(resource, { namespace, name }, options)
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}

/** Patches the status of an object; one that is gone needs none. */
export async function patchStatusQuietly(
  client: ApiClient,
  resource: Resource,
  { metadata }: KubernetesObject,
  status: object,
): Promise<void> {
  const { namespace = '', name = '' } = metadata
  try {
    await client.patch(resource, { namespace, name }, { status }, { subresource: 'status' })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}
