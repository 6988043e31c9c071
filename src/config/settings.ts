/**
 * Every setting of the gateway: its type, its default and the reason for it. Flags (`--http`), variables (`WHIPWAY_HTTP`) and the help text are
 * all derived from this table, so a setting is added in one place.
 */
import type { z } from 'zod'
import {
  durationMs,
  flag,
  httpBaseUrl,
  iceServerUrls,
  ipAddresses,
  linkSafeText,
  listenAddress,
  oneOf,
  port,
  quantity,
  streamPatterns,
  token,
} from './values.ts'

export interface Setting<Type extends z.ZodType = z.ZodType> {
  /** Reads the text of a flag or a variable. */
  readonly type: Type
  /** The value when nothing is said, as text; undefined where "not set" means something of its own. */
  readonly fallback?: string
  /** Placeholder in the help text; without one the flag takes no value. */
  readonly placeholder?: string
  readonly help: string
  /** May be given several times. */
  readonly several?: true
  /** Is never shown in a message or a log. */
  readonly secret?: true
  /** The accepted words, where they are few. */
  readonly words?: readonly string[]
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const switches = ['on', 'off'] as const
const udpSenders = ['auto', 'native', 'portable'] as const

const takeovers = ['refuse', 'replace'] as const

const setting = <Type extends z.ZodType>(definition: Setting<Type>): Setting<Type> => definition

export const settings = {
  http: setting({
    type: listenAddress(),
    fallback: ':8080', // the customary port for an HTTP service without privileges
    placeholder: 'HOST:PORT',
    help: 'where HTTP listens; without a host on all addresses, IPv4 and IPv6',
  }),
  mediaPort: setting({
    type: port(),
    placeholder: 'PORT',
    help: 'UDP port for media (default: the number of the HTTP port, so one number is to be opened)',
  }),
  mediaAddress: setting({
    type: ipAddresses(),
    fallback: '',
    placeholder: 'IP',
    several: true,
    help: 'local address for media (default: all of the machine)',
  }),
  publicAddress: setting({
    type: ipAddresses(),
    fallback: '',
    placeholder: 'IP',
    several: true,
    help: 'address by which clients reach this machine through NAT or docker; offered before the local ones',
  }),
  publishToken: setting({
    type: token(),
    placeholder: 'TOKEN',
    secret: true,
    help: 'bearer token that publishers must send (default: anybody may publish)',
  }),
  playToken: setting({
    type: token(),
    placeholder: 'TOKEN',
    secret: true,
    help: 'bearer token that viewers must send (default: anybody may watch)',
  }),
  iceServer: setting({
    type: iceServerUrls(),
    fallback: '',
    placeholder: 'URL',
    several: true,
    help: 'STUN or TURN server that clients are told of, such as turn:turn.example.net?transport=udp',
  }),
  turnUsername: setting({
    type: linkSafeText(),
    placeholder: 'NAME',
    help: 'name by which clients log in at the TURN servers, together with --turn-credential',
  }),
  turnCredential: setting({
    type: linkSafeText(),
    placeholder: 'TEXT',
    secret: true,
    help: 'password for --turn-username',
  }),
  turnSecret: setting({
    type: linkSafeText(),
    placeholder: 'TEXT',
    secret: true,
    help: 'secret shared with the TURN servers (coturn: use-auth-secret), from which each client gets credentials of its own',
  }),
  turnCredentialLifetime: setting({
    type: durationMs(60_000, 31_536_000_000),
    fallback: '1440m', // TURN asks for them again at each refresh, so they have to outlast the session
    placeholder: 'TIME',
    help: 'credentials made from --turn-secret are valid for so long',
  }),
  logLevel: setting({
    type: oneOf(logLevels),
    fallback: 'info',
    placeholder: 'LEVEL',
    words: logLevels,
    help: `${logLevels.join(', ')}`,
  }),
  demo: setting({
    type: flag(),
    fallback: 'false',
    help: 'also publish a moving test picture and a tone as stream "demo"',
  }),
  strict: setting({
    type: flag(),
    fallback: 'false', // older whip.js sends no If-Match
    help: 'answer 428 to a PATCH without If-Match, as RFC 9725 has it',
  }),
  consentTimeout: setting({
    type: durationMs(1000, 3_600_000),
    fallback: '30s', // RFC 7675 section 5.1: consent expires after 30 seconds
    placeholder: 'TIME',
    help: 'a client that is silent for so long is gone',
  }),
  connectTimeout: setting({
    type: durationMs(1000, 600_000),
    fallback: '15s', // DTLS repeats lost flights after 1, 2, 4 and 8 s: three losses in a row still connect
    placeholder: 'TIME',
    help: 'a session that has not connected by then ends',
  }),
  takeover: setting({
    type: oneOf(takeovers),
    fallback: 'refuse', // a second publisher is a mistake more often than a wish
    placeholder: 'WAY',
    words: takeovers,
    help: 'what a second publisher of a stream gets: refuse (409), or replace, which ends the first',
  }),
  publisherTakeover: setting({
    type: durationMs(0, 600_000),
    fallback: '3s', // a publisher that is alive connects within a second or two; one that retries must not be locked out by its own last try
    placeholder: 'TIME',
    help: 'a publisher that has not connected by then may be replaced by another one',
  }),
  publisherGrace: setting({
    type: durationMs(0, 86_400_000),
    fallback: '30s', // OBS reconnects after 2 s, then 4, 8 and 16 s
    placeholder: 'TIME',
    help: 'viewers stay connected for so long after the publisher has gone',
  }),
  playBeforePublish: setting({
    type: streamPatterns(),
    fallback: '', // most players try again by themselves, and the codecs are only known from the publisher
    placeholder: 'PATTERN',
    several: true,
    help: 'streams whose viewers are let in before there is a publisher, such as live or lobby-* or *',
  }),
  maxSessions: setting({
    type: quantity(1, 1_000_000),
    fallback: '4000', // at about 60 KiB a session: 240 MiB
    placeholder: 'N',
    help: 'publishers and viewers in all',
  }),
  maxViewersPerStream: setting({
    type: quantity(1, 1_000_000),
    fallback: '2000', // half of all sessions, so that one popular stream cannot lock out the others
    placeholder: 'N',
    help: 'viewers of one stream',
  }),
  maxSendBitrate: setting({
    type: quantity(10_000, 1_000_000_000_000),
    placeholder: 'BIT/S',
    help: 'no viewer is let in while so much is sent already (default: no limit)',
  }),
  overloadRedirect: setting({
    type: httpBaseUrl(),
    placeholder: 'URL',
    help: 'gateway to which new sessions are redirected (307) when this one is full or stops, such as https://two.example.net',
  }),
  maxOfferBytes: setting({
    type: quantity(1024, 16_777_216),
    fallback: '64Ki', // the largest offers seen, browsers with all codecs and candidates, have about 10 KiB
    placeholder: 'BYTES',
    help: 'longest request body',
  }),
  requestTimeout: setting({
    type: durationMs(100, 600_000),
    fallback: '10s', // an offer is a few packets; OBS itself gives up after 8 s
    placeholder: 'TIME',
    help: 'a request that has not arrived whole by then is dropped',
  }),
  shutdownTimeout: setting({
    type: durationMs(0, 600_000),
    fallback: '5s', // saying goodbye takes milliseconds; docker kills after 10 s
    placeholder: 'TIME',
    help: 'time to say goodbye to all clients on SIGTERM',
  }),
  keyframeRequestInterval: setting({
    type: durationMs(100, 60_000),
    fallback: '1s', // a keyframe costs several times a usual frame; many viewers joining at once share one
    placeholder: 'TIME',
    help: 'a publisher is asked for a keyframe at most that often',
  }),
  packetStore: setting({
    type: quantity(65_536, 1_073_741_824),
    fallback: '4Mi', // 2 s of 16 Mbit/s, or 13 s of 2.5 Mbit/s
    placeholder: 'BYTES',
    help: 'packets kept for retransmission and instant start for each video source',
  }),
  instantStart: setting({
    type: oneOf(switches),
    // Off until a rare step back in the timestamps, where the burst meets live packets, is understood.
    fallback: 'off',
    placeholder: 'WAY',
    words: switches,
    help: 'on or off: viewers that join are sent the packets since the last keyframe at once',
  }),
  instantStartBytes: setting({
    type: quantity(1024, 1_073_741_824),
    fallback: '3Mi', // three quarters of the packet store, which bound it in any case: nothing of it must be overwritten while it is sent
    placeholder: 'BYTES',
    help: 'more since the last keyframe is not sent at once; the viewer waits for the next keyframe',
  }),
  instantStartAge: setting({
    type: durationMs(0, 60_000),
    fallback: '8s', // more than most encoders' keyframe interval, and about a second of decoding on slow devices
    placeholder: 'TIME',
    help: 'an older last keyframe is not sent at once; the viewer waits for the next one',
  }),
  maxPublishBitrate: setting({
    type: quantity(10_000, 1_000_000_000),
    fallback: '20M', // 4K at 30 frames per second in H.264
    placeholder: 'BIT/S',
    help: 'the most that browsers are told they may send',
  }),
  udpSender: setting({
    type: oneOf(udpSenders),
    fallback: 'auto',
    placeholder: 'WAY',
    words: udpSenders,
    help: `${udpSenders.join(', ')}; native batches packets and exists on Linux`,
  }),
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings

type WithoutFallback =
  | 'mediaPort'
  | 'publishToken'
  | 'playToken'
  | 'turnUsername'
  | 'turnCredential'
  | 'turnSecret'
  | 'maxSendBitrate'
  | 'overloadRedirect'

/** What the rest of the program sees. Durations are in milliseconds, sizes in bytes, rates in bits per second. */
export type Config = {
  readonly [Name in Exclude<SettingName, WithoutFallback>]: z.output<(typeof settings)[Name]['type']>
} & {
  readonly [Name in WithoutFallback]: z.output<(typeof settings)[Name]['type']> | undefined
}

export const settingNames = Object.keys(settings) as SettingName[]

/** 'publishToken' is '--publish-token' on the command line. */
export const flagOf = (name: SettingName): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** 'publishToken' is WHIPWAY_PUBLISH_TOKEN in the environment. */
export const variableOf = (name: SettingName): string =>
  `WHIPWAY_${flagOf(name).replaceAll('-', '_').toUpperCase()}`
