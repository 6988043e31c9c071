/**
 * PATCH on a session (RFC 9725 section 4.3). Our side is ICE-lite: it sends no checks and so has no use for the client's candidates, but clients
 * that send them (GStreamer does so every 100 ms) must not be stopped by an error.
 */
import { Problem } from '../signalling/problem.ts'

export const SDP_FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag' // RFC 8840 section 9

interface IceCredentials {
  readonly remoteUfrag: string
  readonly remotePassword: string
}

/** @throws Problem 400 for what is no fragment, 422 for an ICE restart. */
export function acceptFragment(fragment: string, session: IceCredentials): void {
  const lines = fragment.split(/\r\n|\n|\r/).filter((line) => line !== '')
  if (lines.length === 0 || !lines.every((line) => /^[a-z]=/.test(line))) {
    throw new Problem(
      'sdp-malformed',
      400,
      'The body is no SDP fragment (RFC 8840 section 9): each line must begin with a letter and "=".',
    )
  }
  // RFC 9725 section 4.3.2: other credentials than before are a restart. Fragments without any are taken as a plain trickle.
  const restarts =
    differs(lines, 'a=ice-ufrag:', session.remoteUfrag) ||
    differs(lines, 'a=ice-pwd:', session.remotePassword)
  if (restarts) {
    throw new Problem(
      'ice-restart-unsupported',
      422,
      'ICE restarts are not supported; delete the session and open a new one.',
    )
  }
}

const differs = (lines: readonly string[], attribute: string, expected: string): boolean =>
  lines.some((line) => line.startsWith(attribute) && line.slice(attribute.length).trim() !== expected)
