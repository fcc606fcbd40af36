/**
 * The cluster's own certificates, made on the first start and kept in `<data>/pki`: a CA, a server certificate for every name
 * the API server is reached by, a client certificate for the administrator. Later starts read PEM files and nothing else: the
 * X.509 library is loaded only when something has to be made.
 */
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { newTokenKey } from '../apiserver/authn/jwt.node.ts'
import { makeFolder, writeWhole } from '../base/whole-file.node.ts'
import { CliError } from '../cli/cli-error.ts'

export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface Pki {
  readonly ca: string
  readonly server: KeyPair
  /** CN kubernetes-admin, O system:masters. */
  readonly admin: KeyPair
}

const YEAR_MS = 365 * 24 * 3_600_000
const CA_YEARS = 10
const LEAF_YEARS = 5
/** A leaf is made anew when less than this is left of it. */
const RENEW_BEFORE_MS = YEAR_MS / 4

const DNS_NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/**
 * Reads the certificates in `directory`, making what is missing or about to expire. `addresses`: IPs of the API server. `lasting`:
 * what is made survives a power cut, which takes fourteen waits for the disk; a cluster in memory does not outlive its process.
 */
export async function ensurePki(
  directory: string,
  addresses: readonly string[],
  nowMs: number,
  lasting = true,
): Promise<Pki> {
  const kept = readPki(directory)
  if (kept && fits(directory, kept, { addresses, nowMs })) return kept
  makeFolder(directory)
  return makePki({ directory, lasting }, addresses, nowMs)
}

/** The key that signs service accounts' tokens, PEM; kept, so that tokens outlive the process. `lasting` as for certificates. */
export function ensureTokenKey(directory: string, lasting = true): string {
  const path = file(directory, 'sa.key')
  if (existsSync(path)) {
    const key = readFileSync(path, 'utf8')
    sound(directory, () => createPrivateKey(key))
    return key
  }
  const key = newTokenKey()
  writeWhole(path, key, { lasting })
  return key
}

const file = (directory: string, name: string) => join(directory, name)

function readPki(directory: string): Pki | undefined {
  const names = ['ca.crt', 'server.crt', 'server.key', 'admin.crt', 'admin.key']
  if (!names.every((name) => existsSync(file(directory, name)))) return undefined
  const [ca, serverCert, serverKey, adminCert, adminKey] = names.map((name) =>
    readFileSync(file(directory, name), 'utf8'),
  ) as [string, string, string, string, string]
  return { ca, server: { cert: serverCert, key: serverKey }, admin: { cert: adminCert, key: adminKey } }
}

function fits(
  directory: string,
  pki: Pki,
  { addresses, nowMs }: { readonly addresses: readonly string[]; readonly nowMs: number },
): boolean {
  const [server, admin] = [pki.server, pki.admin].map(({ cert, key }) =>
    sound(directory, () => {
      const certificate = new X509Certificate(cert)
      if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error('the key is another one')
      return certificate
    }),
  ) as [X509Certificate, X509Certificate]
  const lasts = (cert: X509Certificate) => Date.parse(cert.validTo) > nowMs + RENEW_BEFORE_MS
  return lasts(server) && lasts(admin) && addresses.every((ip) => server.checkIP(ip) !== undefined)
}

/** What `read` makes of a file's text; throws, saying what to do, when it can make nothing of it. */
function sound<T>(directory: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw new CliError({
      en: `the certificates or keys in ${directory} are damaged: move that folder away and new ones are made; kubeconfigs of before are void then`,
      ko: `${directory} 의 인증서나 키가 손상되었습니다. 그 폴더를 옮기면 새로 만듭니다. 이전의 kubeconfig는 쓸 수 없게 됩니다`,
    })
  }
}

interface Place {
  readonly directory: string
  readonly lasting: boolean
}

async function makePki(place: Place, addresses: readonly string[], nowMs: number): Promise<Pki> {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(webcrypto as never)
  const { authority, ca, caKeys } = await openAuthority(x509, place, nowMs)
  const leaf = async (subject: string, server: boolean): Promise<KeyPair> => {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    const cert = await x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex'),
      subject,
      issuer: authority.subject,
      notBefore: new Date(nowMs - 3_600_000),
      notAfter: new Date(nowMs + LEAF_YEARS * YEAR_MS),
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
        new x509.ExtendedKeyUsageExtension([
          server ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ]),
        ...(server
          ? [
              new x509.SubjectAlternativeNameExtension([
                ...DNS_NAMES.map((value) => ({ type: 'dns' as const, value })),
                ...addresses.map((value) => ({ type: 'ip' as const, value })),
              ]),
            ]
          : []),
      ],
    })
    return { cert: cert.toString('pem'), key: await privatePem(x509, keys.privateKey) }
  }
  const server = await leaf('CN=kube-apiserver', true)
  const admin = await leaf('O=system:masters, CN=kubernetes-admin', false)
  const write = (name: string, text: string) => writePem(place, name, text)
  write('ca.crt', ca)
  write('server.crt', server.cert)
  write('server.key', server.key)
  write('admin.crt', admin.cert)
  write('admin.key', admin.key)
  return { ca, server, admin }
}

type X509 = typeof import('@peculiar/x509')

/** The CA of the folder, so that kubeconfigs given out earlier stay good when leaves are renewed; a new one on the first start. */
async function openAuthority(x509: X509, place: Place, nowMs: number) {
  const { directory } = place
  if (existsSync(file(directory, 'ca.key')) && existsSync(file(directory, 'ca.crt'))) {
    const ca = readFileSync(file(directory, 'ca.crt'), 'utf8')
    const authority = new x509.X509Certificate(ca)
    const der = x509.PemConverter.decodeFirst(readFileSync(file(directory, 'ca.key'), 'utf8'))
    const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign'])
    if (authority.notAfter.getTime() > nowMs + LEAF_YEARS * YEAR_MS) return { authority, ca, caKeys: { privateKey } }
  }
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=ebb-ca',
    notBefore: new Date(nowMs - 3_600_000),
    notAfter: new Date(nowMs + CA_YEARS * YEAR_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  writePem(place, 'ca.key', await privatePem(x509, keys.privateKey))
  return { authority, ca: authority.toString('pem'), caKeys: { privateKey: keys.privateKey } }
}

async function privatePem(x509: X509, key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

/** A key that is lost in a power cut makes every kubeconfig void. */
function writePem({ directory, lasting }: Place, name: string, text: string): void {
  writeWhole(file(directory, name), text.endsWith('\n') ? text : `${text}\n`, { lasting })
}
