/** The ICE servers that clients are told of (RFC 9725 section 4.6), with the credentials that they need there. */
import { createHmac } from 'node:crypto'
import type { StreamName } from '../media/contract.ts'
import type { IceServer } from '../signalling/link-header.ts'

/** How clients log in at the TURN servers; 'shared-secret' is coturn's `use-auth-secret`. */
export type TurnLogin =
  | { readonly kind: 'none' }
  | { readonly kind: 'static'; readonly username: string; readonly credential: string }
  | { readonly kind: 'shared-secret'; readonly secret: string; readonly lifetimeMs: number }

export interface IceServers {
  /** The servers for one client of a stream. @param nowMs Unix time. */
  forStream(stream: StreamName, nowMs: number): readonly IceServer[]
}

export const noIceServers: IceServers = { forStream: () => [] }

export function configuredIceServers(urls: readonly string[], login: TurnLogin): IceServers {
  return {
    forStream(stream, nowMs) {
      const turn = credentialsOf(login, stream, nowMs)
      return urls.map((url) => (/^turns?:/.test(url) ? { url, ...turn } : { url }))
    },
  }
}

function credentialsOf(login: TurnLogin, stream: StreamName, nowMs: number) {
  switch (login.kind) {
    case 'none':
      return {}
    case 'static':
      return { username: login.username, credential: login.credential }
    case 'shared-secret': {
      // draft-uberti-behave-turn-rest-00 section 2.2: the name says until when it is valid, and the password proves who wrote it.
      const username = `${Math.floor((nowMs + login.lifetimeMs) / 1000)}:${stream}`
      return { username, credential: createHmac('sha1', login.secret).update(username).digest('base64') }
    }
  }
}
