/** The tokens of one pod: asked for once, used until four fifths of their life are over. */
import type { Pod } from '../../api/types/core-v1.gen.ts'
import type { Clock } from '../../base/clock.ts'
import { ConfigError, type Sources, type Token, type TokenWish } from '../sources.ts'

/** Share of a token's life after which it is replaced, and the most that one is used, in ms. Source: kubelet's token manager. */
const RENEWED_AFTER = 0.8
const USED_MAX_MS = 24 * 3600 * 1000

export class PodTokens {
  private readonly sources: Sources
  private readonly clock: Clock
  private readonly known = new Map<string, { readonly token: Token; readonly renewAtMs: number }>()

  constructor(sources: Sources, clock: Clock) {
    this.sources = sources
    this.clock = clock
  }

  /** undefined where the server makes none. */
  async get(pod: Pod, wish: TokenWish): Promise<string | undefined> {
    const key = JSON.stringify([wish.audience, wish.expirationSeconds])
    const nowMs = this.clock.now()
    const known = this.known.get(key)
    if (known && nowMs < known.renewAtMs) return known.token.text
    try {
      const token = await this.sources.token(pod, wish)
      if (!token) return undefined
      const usedMs = Math.min(USED_MAX_MS, (token.expiresAtMs - nowMs) * RENEWED_AFTER)
      this.known.set(key, { token, renewAtMs: nowMs + usedMs })
      return token.text
    } catch (error) {
      // One that is not over yet is better than none.
      if (known && nowMs < known.token.expiresAtMs) return known.token.text
      throw new ConfigError(`failed to fetch token: ${(error as Error).message}`, { cause: error })
    }
  }
}
