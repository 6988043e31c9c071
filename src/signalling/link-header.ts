/** Link header fields (RFC 8288) as WHIP and WHEP use them: ICE servers (RFC 9725 section 4.6) and extensions (section 4.8). */

export interface IceServer {
  /** A `stun:`, `stuns:`, `turn:` or `turns:` URL (RFC 7064, RFC 7065). */
  readonly url: string
  readonly username?: string
  readonly credential?: string
}

/** One field value for one server; OBS expects the URL in angle brackets at its beginning. */
export function iceServerLink({ url, username, credential }: IceServer): string {
  const login =
    username === undefined || credential === undefined
      ? ''
      : `; username="${username}"; credential="${credential}"; credential-type="password"`
  return `<${url}>; rel="ice-server"${login}`
}
