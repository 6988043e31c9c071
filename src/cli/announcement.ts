/** What the gateway says when it is ready: the addresses to copy, as text for a person and as one log line for a program. */
import type { ListeningAddress } from '../media/contract.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface Announcement {
  readonly version: string
  /** Without a slash at the end. */
  readonly httpUrl: string
  readonly mediaPort: number
  readonly candidates: readonly ListeningAddress[]
  /** True where HTTP listens on every address, so that other machines reach it. */
  readonly reachableFromOutside: boolean
  /** The stream in the sample addresses. */
  readonly stream: string
  readonly publishingIsOpen: boolean
}

/** On a terminal: text. Else: one JSON line with `event` "ready", whatever the log level, since programs wait for it. */
export function announce(announcement: Announcement, logger: Logger, terminal: boolean): void {
  if (terminal) {
    process.stdout.write(announcementText(announcement))
    return
  }
  const { version, httpUrl, mediaPort, candidates, stream } = announcement
  logger.child({}, { level: 'info' }).info(
    {
      event: 'ready',
      version,
      httpUrl,
      mediaPort,
      mediaAddresses: candidates.map(({ address }) => address),
      whipUrl: `${httpUrl}/whip/${stream}`,
      whepUrl: `${httpUrl}/whep/${stream}`,
      watchUrl: `${httpUrl}/watch/${stream}`,
    },
    `Whipway ${version} is ready: publish to ${httpUrl}/whip/${stream}, watch at ${httpUrl}/watch/${stream}`,
  )
}

export function announcementText(announcement: Announcement): string {
  const { version, httpUrl, mediaPort, candidates, stream } = announcement
  const [first] = candidates
  const elsewhere =
    announcement.reachableFromOutside && first !== undefined
      ? `  From other machines, put ${first.family === 6 ? `[${first.address}]` : first.address} for localhost.\n`
      : ''
  const open = announcement.publishingIsOpen
    ? '  Anybody who reaches this port may publish; WHIPWAY_PUBLISH_TOKEN asks them for a token.\n'
    : ''
  return `
Whipway ${version} is ready.

  Publish (WHIP)   ${httpUrl}/whip/${stream}
                   In OBS: Settings, Stream, Service "WHIP", paste it as Server.
  Watch            ${httpUrl}/watch/${stream}
  Play (WHEP)      ${httpUrl}/whep/${stream}
  Media            UDP port ${mediaPort} of ${candidates.map(({ address }) => address).join(', ')}

  "${stream}" is a name of your choice: every name is a stream of its own.
${elsewhere}${open}
`
}
