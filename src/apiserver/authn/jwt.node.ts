import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { Claims, TokenSigner } from './service-account-tokens.ts'

/** A new P-256 key, PEM; kept where tokens shall outlive the process. */
export function newTokenKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

const ALGORITHM = 'ES256'

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** JSON Web Tokens, ES256. The key's id is the hash of its public half, as Kubernetes makes it. */
export function jwtSigner(keyPem: string): TokenSigner {
  const key = createPrivateKey(keyPem)
  const publicKey = createPublicKey(key)
  const kid = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
  const header = encode({ alg: ALGORITHM, kid })
  return {
    sign(claims) {
      const text = `${header}.${encode(claims)}`
      const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
      return `${text}.${signature.toString('base64url')}`
    },
    verify: (token) => claimsOf(token, publicKey, header),
    keySet: { keys: [{ use: 'sig', ...publicKey.export({ format: 'jwk' }), kid, alg: ALGORITHM }] },
    algorithms: [ALGORITHM],
  }
}

/** Only headers of our own making are read: no other algorithm, no other key, is ever considered. */
function claimsOf(token: string, key: KeyObject, ownHeader: string): Claims | undefined {
  const [header, payload, signature, more] = token.split('.')
  if (header !== ownHeader || payload === undefined || signature === undefined || more !== undefined) return undefined
  const text = Buffer.from(`${header}.${payload}`)
  const fits = verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  if (!fits) return undefined
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
  } catch {
    return undefined
  }
}
