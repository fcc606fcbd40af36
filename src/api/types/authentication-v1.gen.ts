// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ObjectMeta } from '../object.ts'

/** BoundObjectReference is a reference to an object that a token is bound to. */
export interface BoundObjectReference {
  readonly kind?: string
  readonly apiVersion?: string
  readonly name?: string
  readonly uid?: string
}

/** SelfSubjectReview contains the user information that the kube-apiserver has about the user making this request */
export interface SelfSubjectReview {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly status?: SelfSubjectReviewStatus
}

/** SelfSubjectReviewStatus is filled by the kube-apiserver and sent back to a user. */
export interface SelfSubjectReviewStatus {
  readonly userInfo?: UserInfo
}

/** TokenRequest requests a token for a given service account. */
export interface TokenRequest {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: TokenRequestSpec
  readonly status?: TokenRequestStatus
}

/** TokenRequestSpec contains client provided parameters of a token request. */
export interface TokenRequestSpec {
  readonly audiences?: readonly string[]
  readonly expirationSeconds?: number
  readonly boundObjectRef?: BoundObjectReference
}

/** TokenRequestStatus is the result of a token request. */
export interface TokenRequestStatus {
  readonly token?: string
  readonly expirationTimestamp?: string
}

/** TokenReview attempts to authenticate a token to a known user. */
export interface TokenReview {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly spec: TokenReviewSpec
  readonly status?: TokenReviewStatus
}

/** TokenReviewSpec is a description of the token authentication request. */
export interface TokenReviewSpec {
  readonly token: string
  readonly audiences?: readonly string[]
}

/** TokenReviewStatus is the result of the token authentication request. */
export interface TokenReviewStatus {
  readonly authenticated?: boolean
  readonly user?: UserInfo
  readonly audiences?: readonly string[]
  readonly error?: string
}

/** UserInfo holds the information about the user needed to implement the user.Info interface. */
export interface UserInfo {
  readonly username?: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}
