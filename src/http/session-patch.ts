/**
 * PATCH on a session (RFC 9725 section 4.3): trickled candidates, which an ICE-lite agent has no use for but which must not stop the clients that send them
 * (GStreamer does so every 100 ms), and ICE restarts.
 */
import { Problem } from '../signalling/problem.ts'
import { entityTagOf, matchesEntityTag } from '../signalling/entity-tag.ts'
import type { SdpFragment } from '../signalling/sdp-fragment.ts'
import { parseSdpFragment, writeSdpFragment } from '../signalling/sdp-fragment.ts'
import { candidateValue, ICE_OPTIONS } from '../sdp/index.ts'
import type { IceRestart, RemoteIceCredentials, SessionView } from '../streams/session.ts'

/** @throws Problem 428 in strict mode without If-Match, 412 where it names another ICE session. */
export function checkPrecondition(ifMatch: string, session: SessionView, strict: boolean): void {
  if (ifMatch === '') {
    if (!strict) return
    throw new Problem(
      'precondition-required',
      428,
      'A PATCH needs an If-Match header with the ETag of the ICE session, or "*" for an ICE restart.',
    )
  }
  if (matchesEntityTag(ifMatch, entityTagOf(session.localUfrag))) return
  throw new Problem(
    'precondition-failed',
    412,
    'If-Match does not name the present ICE session; there was a restart.',
  )
}

/** @throws Problem 400. */
export function parseFragment(text: string): SdpFragment {
  const fragment = parseSdpFragment(text)
  if (fragment !== undefined) return fragment
  throw new Problem(
    'sdp-malformed',
    400,
    'The body is no SDP fragment (RFC 8840 section 9): each line must begin with a letter and "=", and a=ice-ufrag and a=ice-pwd follow RFC 8839.',
  )
}

/**
 * RFC 9725 section 4.3.3: other credentials than before are a restart. Fragments without any are taken as a plain trickle, and so are those that belong to an
 * earlier ICE session of the client: they were overtaken by its restart.
 * @returns the client's new credentials, or undefined where it only trickles.
 * @throws Problem 400 where one of the two is missing, 422 where the client is an ICE-lite agent, since nobody would send checks.
 */
export function requestedRestart(
  { ufrag, password, iceLite }: SdpFragment,
  session: SessionView,
): RemoteIceCredentials | undefined {
  const ufragChanges = ufrag !== undefined && ufrag !== session.remoteUfrag
  const passwordChanges = password !== undefined && password !== session.remotePassword
  if (!ufragChanges && !passwordChanges) return undefined
  if (ufrag !== undefined && session.formerRemoteUfrags.includes(ufrag)) return undefined
  if (ufrag === undefined || password === undefined) {
    throw new Problem('sdp-malformed', 400, 'An ICE restart needs both a=ice-ufrag and a=ice-pwd.')
  }
  if (iceLite) {
    throw new Problem(
      'ice-restart-unsupported',
      422,
      'An ICE-lite client cannot restart ICE with an ICE-lite gateway.',
    )
  }
  return { remoteUfrag: ufrag, remotePassword: password }
}

/** The body of the 200: our side's new credentials, and what the answer said of it. */
export function restartFragment({ ufrag, password, candidates, bundle }: IceRestart): string {
  return writeSdpFragment({
    ufrag,
    password,
    iceLite: true,
    iceOptions: ICE_OPTIONS,
    section: bundle,
    candidates: candidates.map(candidateValue),
    endOfCandidates: true,
  })
}
