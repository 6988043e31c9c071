/**
 * The ICE-lite agent of one session (RFC 8445): answers connectivity checks, never sends any, and follows the path that the
 * controlling peer uses. A valid check from a new address moves the session there, so that a phone may change networks.
 */
import type { IceCredentials } from '../contract.ts'
import type { DatagramOutput, Path, PathRegistry } from './ports.ts'
import {
  BINDING_ERROR,
  BINDING_REQUEST,
  BINDING_SUCCESS,
  MAX_RESPONSE_BYTES,
  StunResponseWriter,
  verifyIntegrity,
} from './stun.ts'
import type { StunMessage } from './stun.ts'

/** The selected path keeps its place against one of lower priority while it was nominated so recently: some peers nominate every pair. */
const NOMINATION_HOLD_MS = 500
/** A selected path that has been silent for so long gives way to any other valid one, nominated or not. */
const PATH_SILENCE_MS = 3_000
/**
 * After a restart, paths of the ICE session before it go on to be listened to for so long: the peer sends media there until its new pair is nominated, and
 * what is under way by then has to arrive too (RFC 8445 section 9).
 */
export const FORMER_PATH_HOLD_MS = 3_000
/** Paths that one session may have proven at a time: every pair of a machine with several networks, twice over. */
export const MAX_PATHS = 16

export type CheckResult =
  | 'valid'
  /** Valid, and the first one with the credentials of a restart. */
  | 'restarted'
  | 'wrong-username'
  | 'wrong-integrity'
  | 'role-conflict'
  | 'unknown-attribute'
  | 'not-a-request'
  | 'too-many-paths'

/** The local half of an ICE session's credentials, as bytes. */
interface LocalCredentials {
  readonly usernamePrefix: Buffer
  readonly key: Buffer
}

interface ProvenPath {
  readonly path: Path
  /** False once a restart has been completed by a check over another path, until this one is checked again too. */
  current: boolean
  priority: number
  lastCheckMs: number
  lastNominationMs: number
}

export class IceLiteAgent {
  readonly #output: DatagramOutput
  readonly #registry: PathRegistry
  #credentials: LocalCredentials
  /** Those of a restart that no check has confirmed yet. */
  #nextCredentials: LocalCredentials | undefined
  #restartedMs = Infinity
  readonly #writer = new StunResponseWriter()
  readonly #paths: ProvenPath[] = []
  #selected: ProvenPath | undefined
  /** When the last valid check came: consent is counted from here (RFC 7675 section 5.1 as a lite agent sees it). */
  lastCheckMs: number

  constructor(
    credentials: Pick<IceCredentials, 'localUfrag' | 'localPassword'>,
    output: DatagramOutput,
    registry: PathRegistry,
    nowMs: number,
  ) {
    this.#output = output
    this.#registry = registry
    this.#credentials = localCredentials(credentials)
    this.lastCheckMs = nowMs
  }

  /** RFC 8445 section 9: takes checks with these credentials too, and with nothing else from the first of them on. */
  restart(credentials: Pick<IceCredentials, 'localUfrag' | 'localPassword'>): void {
    this.#nextCredentials = localCredentials(credentials)
  }

  /** Where media is to be sent, or undefined before the first valid check. */
  get selectedPath(): Path | undefined {
    return this.#selected?.path
  }

  /** True for a path from which a valid check has come: DTLS and media are taken from those only. */
  isProven(path: Path): boolean {
    for (const proven of this.#paths) if (proven.path === path) return true
    return false
  }

  /** Answers one check that came over `path`, which need not be retained yet. */
  receiveCheck(bytes: Uint8Array, message: StunMessage, path: Path, nowMs: number): CheckResult {
    if (message.type !== BINDING_REQUEST) return 'not-a-request'
    const credentials = this.#credentialsOf(bytes, message)
    if (credentials === undefined) return 'wrong-username'
    const { key } = credentials
    if (!verifyIntegrity(bytes, message, key)) {
      this.#respondError(bytes, message, path, 401, undefined)
      return 'wrong-integrity'
    }
    if (message.unknownAttribute !== 0) {
      this.#respondError(bytes, message, path, 420, key)
      return 'unknown-attribute'
    }
    // A lite agent is always the controlled one; a peer that thinks so too must change its mind (RFC 8445 section 7.3.1.1).
    if (message.role === 'controlled') {
      this.#respondError(bytes, message, path, 487, key)
      return 'role-conflict'
    }
    const proven = this.#prove(path, message, nowMs)
    if (proven === undefined) return 'too-many-paths'
    this.lastCheckMs = nowMs
    this.#respondSuccess(bytes, message, proven.path, key)
    const restarts = credentials === this.#nextCredentials
    if (restarts) this.#completeRestart(credentials, nowMs)
    proven.current = true
    this.#select(proven, message.useCandidate, nowMs)
    if (nowMs - this.#restartedMs >= FORMER_PATH_HOLD_MS) this.#dropFormerPaths()
    return restarts ? 'restarted' : 'valid'
  }

  close(): void {
    for (const proven of this.#paths) this.#registry.release(proven.path)
    this.#paths.length = 0
    this.#selected = undefined
  }

  /** Those whose ufrag the check's user name begins with. */
  #credentialsOf(bytes: Uint8Array, message: StunMessage): LocalCredentials | undefined {
    if (ownsUsername(this.#credentials.usernamePrefix, bytes, message)) return this.#credentials
    const next = this.#nextCredentials
    return next !== undefined && ownsUsername(next.usernamePrefix, bytes, message) ? next : undefined
  }

  #completeRestart(credentials: LocalCredentials, nowMs: number): void {
    this.#credentials = credentials
    this.#nextCredentials = undefined
    this.#restartedMs = nowMs
    for (const proven of this.#paths) proven.current = false
  }

  #dropFormerPaths(): void {
    this.#restartedMs = Infinity
    for (let i = this.#paths.length - 1; i >= 0; i--) {
      const proven = this.#paths[i] as ProvenPath
      if (proven.current) continue
      this.#paths.splice(i, 1)
      this.#registry.release(proven.path)
    }
  }

  #prove(path: Path, message: StunMessage, nowMs: number): ProvenPath | undefined {
    for (const proven of this.#paths) {
      if (proven.path === path) {
        proven.lastCheckMs = nowMs
        proven.priority = message.priority
        return proven
      }
    }
    if (this.#paths.length === MAX_PATHS && !this.#dropOldestPath()) return undefined
    const retained = this.#registry.retain(path)
    if (retained === undefined) return undefined
    const proven = {
      path: retained,
      current: true,
      priority: message.priority,
      lastCheckMs: nowMs,
      lastNominationMs: -Infinity,
    }
    this.#paths.push(proven)
    return proven
  }

  #dropOldestPath(): boolean {
    let oldest = -1
    for (let i = 0; i < this.#paths.length; i++) {
      const proven = this.#paths[i] as ProvenPath
      if (proven === this.#selected) continue
      if (oldest === -1 || proven.lastCheckMs < (this.#paths[oldest] as ProvenPath).lastCheckMs) oldest = i
    }
    if (oldest === -1) return false
    const [dropped] = this.#paths.splice(oldest, 1)
    if (dropped !== undefined) this.#registry.release(dropped.path)
    return true
  }

  #select(proven: ProvenPath, nominated: boolean, nowMs: number): void {
    const selected = this.#selected
    const before = selected?.lastNominationMs ?? -Infinity
    if (nominated) proven.lastNominationMs = nowMs
    // A path of the ICE session before the restart gives way to the first one of the present.
    if (selected === undefined || !selected.current) {
      this.#selected = proven
    } else if (selected !== proven) {
      const isSilent = nowMs - selected.lastCheckMs > PATH_SILENCE_MS
      const outranks = proven.priority >= selected.priority || nowMs - before > NOMINATION_HOLD_MS
      if (isSilent || (nominated && outranks)) this.#selected = proven
    }
  }

  #respondSuccess(requestBytes: Uint8Array, request: StunMessage, path: Path, key: Buffer): void {
    const offset = this.#output.reserve(path, MAX_RESPONSE_BYTES)
    if (offset < 0) return
    const out = this.#output.memory(path)
    this.#writer.begin(out.bytes, out.view, offset, BINDING_SUCCESS, requestBytes, request)
    this.#writer.xorMappedAddress((view, at, transactionId) =>
      path.writeXorMappedAddress(view, at, transactionId),
    )
    this.#output.commit(path, this.#writer.end(key))
  }

  #respondError(
    requestBytes: Uint8Array,
    request: StunMessage,
    path: Path,
    code: number,
    key: Buffer | undefined,
  ): void {
    const offset = this.#output.reserve(path, MAX_RESPONSE_BYTES)
    if (offset < 0) return
    const out = this.#output.memory(path)
    this.#writer.begin(out.bytes, out.view, offset, BINDING_ERROR, requestBytes, request)
    this.#writer.errorCode(code)
    if (code === 420) this.#writer.unknownAttribute(request.unknownAttribute)
    const length = this.#writer.end(key)
    // An address that has proven nothing is never sent more than it sent: no amplification.
    if (length <= request.length) this.#output.commit(path, length)
  }
}

const localCredentials = (credentials: {
  readonly localUfrag: string
  readonly localPassword: string
}): LocalCredentials => ({
  usernamePrefix: Buffer.from(`${credentials.localUfrag}:`, 'utf8'),
  key: Buffer.from(credentials.localPassword, 'utf8'),
})

function ownsUsername(prefix: Buffer, bytes: Uint8Array, message: StunMessage): boolean {
  if (message.usernameLength < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[message.usernameOffset + i] !== prefix[i]) return false
  return true
}
