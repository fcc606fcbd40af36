/** Real certificates over real TLS: whom each stands for, and that a bad one is nobody, not anybody. */
import { webcrypto } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import https from 'node:https'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.node.ts'
import { SeededRandom } from '../../base/random.ts'
import { ensurePki, type Pki } from '../../main/pki.node.ts'
import { startTestApi, type TestApi } from '../../sim/test-api.ts'
import { type RunningServer, startServer } from '../server.node.ts'
import { certificateUser } from './client-certificate.node.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const HOUR_MS = 3_600_000
const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews'

let folder: string
let pki: Pki
let api: TestApi
let server: RunningServer
let caKey: webcrypto.CryptoKey

beforeAll(async () => {
  x509.cryptoProvider.set(webcrypto as never)
  folder = mkdtempSync(join(tmpdir(), 'ebb-certificates-'))
  pki = await ensurePki(folder, ['127.0.0.1'], systemClock.now())
  const der = x509.PemConverter.decodeFirst(readFileSync(join(folder, 'ca.key'), 'utf8'))
  caKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign'])
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
  server = await startServer({
    handle: api.server.handle,
    tls: { ...pki.server, ca: pki.ca },
    port: 0,
    dialKubelet: () => Promise.reject(new Error('no kubelet')),
    fault: (error) => {
      throw error
    },
  })
})
afterAll(async () => {
  await server.close()
  await api.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Wanted {
  readonly subject: string
  readonly fromMs?: number
  readonly untilMs?: number
  readonly usage?: x509.ExtendedKeyUsage
  /** Signed by another key than the CA's: in its own name, or in the CA's. */
  readonly signer?: 'another' | 'forger'
}

async function certificate({ subject, fromMs = -HOUR_MS, untilMs = HOUR_MS, usage, signer }: Wanted) {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const now = systemClock.now()
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: '0badcafe',
    subject,
    issuer: signer === 'another' ? 'CN=another-ca' : new x509.X509Certificate(pki.ca).subject,
    notBefore: new Date(now + fromMs),
    notAfter: new Date(now + untilMs),
    publicKey: keys.publicKey,
    signingKey: signer ? keys.privateKey : caKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.ExtendedKeyUsageExtension([usage ?? x509.ExtendedKeyUsage.clientAuth])],
  })
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { cert: cert.toString('pem'), key }
}

function whoAmI(options: https.RequestOptions): Promise<{ status: number; object: { status?: { userInfo: object } } }> {
  return new Promise((resolve, reject) => {
    const where = { method: 'POST', path: WHO, port: server.port, host: '127.0.0.1', ca: pki.ca, agent: false } as const
    const request = https.request({ ...where, ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, object: JSON.parse(text) }))
    })
    request.on('error', reject)
    request.end(options.method ? undefined : '{}')
  })
}

it('is the common name, and its organizations are groups', async () => {
  const { status, object } = await whoAmI(await certificate({ subject: 'O=devs, O=ops, CN=bob' }))
  expect([status, object.status?.userInfo]).toEqual([
    201,
    {
      username: 'bob',
      groups: ['devs', 'ops', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)],
      },
    },
  ])
})

it('goes before a token', async () => {
  const good = await certificate({ subject: 'CN=bob' })
  const answer = await whoAmI({ ...good, headers: { authorization: 'Bearer wrong' } })
  expect(answer.object.status?.userInfo).toMatchObject({ username: 'bob' })
})

const BAD: readonly (readonly [what: string, wanted: Wanted])[] = [
  ['expired', { subject: 'CN=bob', fromMs: -2 * HOUR_MS, untilMs: -HOUR_MS }],
  ['not yet valid', { subject: 'CN=bob', fromMs: HOUR_MS, untilMs: 2 * HOUR_MS }],
  ['of another CA', { subject: 'O=system:masters, CN=bob', signer: 'another' }],
  ['for servers', { subject: 'O=system:masters, CN=bob', usage: x509.ExtendedKeyUsage.serverAuth }],
]
it.each(BAD)('that is %s is 401, unless there is a good token too', async (_what, wanted) => {
  const bad = await certificate(wanted)
  expect((await whoAmI(bad)).status).toBe(401)
  expect((await whoAmI({ ...bad, method: 'GET', path: '/healthz' })).status).toBe(401)
  expect((await whoAmI({ ...bad, headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
  const helped = await whoAmI({ ...bad, headers: { authorization: 'Bearer admin-token' } })
  expect(helped.object.status?.userInfo).toMatchObject({ username: 'admin' })
})

it('that is forged is let through by nobody: 401, or TLS itself ends the connection', async () => {
  const forged = await certificate({ subject: 'O=system:masters, CN=bob', signer: 'forger' })
  for (let i = 0; i < 5; i++)
    expect([401, 'ECONNRESET']).toContain(
      await whoAmI(forged).then(
        ({ status }) => status,
        ({ code }: NodeJS.ErrnoException) => code,
      ),
    )
})

it('without a common name is nobody in particular', async () => {
  expect((await whoAmI(await certificate({ subject: 'O=system:masters' }))).status).toBe(403)
})

it('runs out while its connection lives', () => {
  const [from, until] = [Date.parse('2030-01-01T00:00:00Z'), Date.parse('2031-01-01T00:00:00Z')]
  const socket = {
    authorized: true,
    getPeerCertificate: () => ({
      raw: Buffer.from('x'),
      subject: { CN: 'bob' },
      valid_from: 'Jan  1 00:00:00 2030 GMT',
      valid_to: 'Jan  1 00:00:00 2031 GMT',
    }),
  } as unknown as Socket
  expect(certificateUser(socket, from + 1).user?.name).toBe('bob')
  expect(certificateUser(socket, until + 1)).toEqual({ refused: true })
  expect(certificateUser(socket, from - 1)).toEqual({ refused: true })
})
