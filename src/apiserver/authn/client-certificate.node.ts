/** Whom a client certificate stands for. Source: docs, "Authenticating", X509 client certificates. */
import type { Socket } from 'node:net'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { UserInfo } from '../../wire/exchange.ts'

/** `refused`: one was shown that is not good: of another CA, for servers, or not valid at this time. */
export type CertificateUser = { readonly user?: UserInfo; readonly refused?: true }

interface Shown extends CertificateUser {
  readonly fromMs: number
  readonly untilMs: number
}

/** Where Kubernetes looks for a user's uid in a subject. */
const UID_OID = '1.3.6.1.4.1.57683.2'

const NOBODY: CertificateUser = {}
const REFUSED: CertificateUser = { refused: true }

/** A connection's certificate does not change: it is read once. Its time may run out while the connection lives. */
const known = new WeakMap<Socket, Shown>()

export function certificateUser(socket: Socket, nowMs: number): CertificateUser {
  const { getPeerCertificate } = socket as Partial<TLSSocket>
  if (typeof getPeerCertificate !== 'function') return NOBODY
  let shown = known.get(socket)
  if (!shown) {
    shown = read(socket as TLSSocket)
    known.set(socket, shown)
  }
  return nowMs < shown.fromMs || nowMs > shown.untilMs ? REFUSED : shown
}

function read(socket: TLSSocket): Shown {
  const always = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate> | null
  if (!certificate?.raw) return always
  if (!socket.authorized) return { ...always, ...REFUSED }
  const subject = (certificate.subject ?? {}) as unknown as Readonly<Record<string, string | readonly string[]>>
  const name = list(subject.CN).at(-1)
  const valid = { fromMs: Date.parse(certificate.valid_from ?? ''), untilMs: Date.parse(certificate.valid_to ?? '') }
  if (!name) return valid
  const [uid] = list(subject[UID_OID])
  const fingerprint = certificate.fingerprint256?.replaceAll(':', '').toLowerCase()
  const extra = { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] }
  return { ...valid, user: { name, ...(uid ? { uid } : {}), groups: list(subject.O), extra } }
}

const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value
