/** The ways in which an offer is refused, as problems whose words begin alike. */
import { Problem } from '../signalling/problem.ts'

export function malformed(what: string): Problem {
  return new Problem('sdp-malformed', 400, `The SDP offer cannot be read: ${what}.`)
}

export function incomplete(what: string): Problem {
  return new Problem('sdp-incomplete', 400, `The SDP offer is incomplete: ${what}.`)
}

export function wrongDirection(what: string): Problem {
  return new Problem('wrong-direction', 422, `The SDP offer has the wrong direction: ${what}.`)
}

export function unusableMedia(what: string): Problem {
  return new Problem('unusable-media', 422, `The SDP offer cannot be used: ${what}.`)
}

export function codecMismatch(what: string): Problem {
  return new Problem('codec-mismatch', 422, `The stream cannot be played with this SDP offer: ${what}.`)
}

/**
 * @throws Problem 'sdp-malformed' when `count` is above a limit of limits.ts; `what` names the counted, in
 * the plural.
 */
export function checkLimit(count: number, maximum: number, what: string): void {
  if (count > maximum) throw malformed(`more than ${maximum} ${what}`)
}
