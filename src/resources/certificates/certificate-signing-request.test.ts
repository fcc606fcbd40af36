import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CertificateSigningRequest as Csr } from '../../api/types/certificates-v1.gen.ts'
import { systemClock } from '../../base/clock.node.ts'
import { SeededRandom } from '../../base/random.ts'
import { startTestApi, type TestApi } from '../../sim/test-api.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

const PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const request = btoa('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n')
const spec = { request, signerName: 'example.com/signer', usages: ['client auth'], expirationSeconds: 86_400 }

const create = (more: object = {}) =>
  api.client.call('POST', PATH, { metadata: { name: 'r' }, spec: { ...spec, ...more } }) as Promise<Csr>

const patch = (subresource: string, conditions: object[], more: object = {}) =>
  api.client.call(
    'PATCH',
    `${PATH}/r${subresource}`,
    { status: { conditions, ...more } },
    { 'content-type': 'application/merge-patch+json' },
  ) as Promise<Csr>

const types = ({ status }: Csr) => status?.conditions?.map(({ type }) => type)
const APPROVED = { type: 'Approved', status: 'True', reason: 'KubectlApprove' }
const FAILED = { type: 'Failed', status: 'True' }

describe('a request for a certificate', () => {
  it('says who really asks', async () => {
    const made = await create({ username: 'somebody', groups: ['system:masters', 'x'], uid: 'u', extra: { a: ['b'] } })
    expect(made.spec).toEqual({ ...spec, username: 'admin', groups: ['system:masters', 'system:authenticated'] })
    expect(made.status).toEqual({})
  })

  it('is approved by the subresource approval alone, and stays so', async () => {
    await create()
    expect(types(await patch('', [APPROVED]))).toBeUndefined()
    expect(types(await patch('/status', [APPROVED]))).toBeUndefined()
    const { status } = await patch('/approval', [APPROVED], { certificate: request })
    expect(status).toEqual({
      conditions: [{ ...APPROVED, lastUpdateTime: expect.any(String), lastTransitionTime: expect.any(String) }],
    })
    expect(types(await patch('/status', [FAILED]))).toEqual(['Approved', 'Failed'])
    await expect(patch('/approval', [FAILED])).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining('updates may not remove a condition of type "Approved"'),
    })
    const table = (await api.client.call('GET', `${PATH}/r`, undefined, {
      accept: 'application/json;as=Table;g=meta.k8s.io;v=v1',
    })) as { rows: { cells: unknown[] }[] }
    expect(table.rows[0]?.cells.slice(2)).toEqual(['example.com/signer', 'admin', '24h', 'Approved,Failed'])
  })

  it.each([
    [[APPROVED, { type: 'Denied', status: 'True' }], 'Approved and Denied conditions are mutually exclusive'],
    [[{ type: 'Approved', status: 'False' }], 'Unsupported value: "False": supported values: "True"'],
    [[{ type: 'Approved' }], 'status.conditions[0].status: Required value'],
    [[APPROVED, APPROVED], 'status.conditions[1].type: Duplicate value: "Approved"'],
  ])('is not approved by %j', async (conditions, message) => {
    await create()
    await expect(patch('/approval', conditions)).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining(message),
    })
  })

  it.each([
    [{ request: btoa('a') }, 'spec.request: Invalid value: "YQ==": PEM block type must be CERTIFICATE REQUEST'],
    [{ usages: [] }, 'spec.usages: Required value'],
    [{ usages: ['client auth', 'client auth'] }, 'spec.usages[1]: Duplicate value: "client auth"'],
    [{ usages: ['nope'] }, 'spec.usages[0]: Unsupported value: "nope": supported values: "any", "cert sign"'],
    [{ signerName: '' }, 'spec.signerName: Required value'],
    [{ signerName: 'signer' }, "must be a fully qualified domain and path of the form 'example.com/signer-name'"],
    [{ signerName: 'kubernetes.io/legacy-unknown' }, 'the legacy signerName is not allowed via this API version'],
    [{ expirationSeconds: 599 }, 'may not specify a duration less than 600 seconds (10 minutes)'],
  ])('is refused with %j', async (more, message) => {
    await expect(create(more)).rejects.toMatchObject({ code: 422, message: expect.stringContaining(message) })
  })
})
