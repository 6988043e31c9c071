/** Who may do what: the question that the endpoints ask before anything else, and its simplest answer, static bearer tokens. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { StreamName } from '../media/contract.ts'

export interface AuthorizationRequest {
  readonly action: 'publish' | 'play'
  readonly stream: StreamName
  /** From `Authorization: Bearer` (RFC 6750 section 2.1); undefined when there was none. */
  readonly token: string | undefined
  /** The client's IP address. */
  readonly remoteAddress: string
}

/** 'unauthenticated' is a missing or wrong token (401), 'forbidden' a right one that does not reach as far (403). */
export type Verdict = 'allowed' | 'unauthenticated' | 'forbidden'

export interface Authorizer {
  authorize(request: AuthorizationRequest): Promise<Verdict>
}

/** One token for publishing and one for playing; without a token everybody may. */
export function staticTokenAuthorizer(tokens: {
  readonly publish: string | undefined
  readonly play: string | undefined
}): Authorizer {
  // Hashes have the same length, so that comparing them takes the same time whatever was sent.
  const expected = {
    publish: tokens.publish === undefined ? undefined : sha256(tokens.publish),
    play: tokens.play === undefined ? undefined : sha256(tokens.play),
  }
  return {
    authorize({ action, token }) {
      const hash = expected[action]
      if (hash === undefined) return Promise.resolve('allowed')
      const right = token !== undefined && timingSafeEqual(sha256(token), hash)
      return Promise.resolve(right ? 'allowed' : 'unauthenticated')
    },
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** RFC 6750 section 2.1: the token of an `Authorization` header; undefined for another scheme or a malformed one. */
export function bearerTokenOf(authorization: string): string | undefined {
  return /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization)?.[1]
}
