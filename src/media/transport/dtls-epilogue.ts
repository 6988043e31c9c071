/**
 * What is left of a DTLS 1.2 association once our part of the handshake is done: alerts, and the last flight in case it was lost.
 *
 * OpenSSL keeps 60 to 75 KiB for each connection, most of it buffers for a handshake that is over. Media does not pass
 * through DTLS (RFC 5764 section 4.2), so a session that lasts keeps these few hundred bytes instead: the key with which the peer
 * protects an alert, our own close_notify ready to be sent, and the flight that a peer may ask for again.
 *
 *     ContentType 1 | version 2 | epoch 2 | sequence number 6 | length 2 | fragment        (RFC 6347 section 4.1)
 *     fragment with AES-GCM: explicit nonce 8 | ciphertext | tag 16                        (RFC 5288 section 3)
 */
import { createDecipheriv, createHmac } from 'node:crypto'
import type { DtlsSecrets } from '../native/dtls.ts'

const RECORD_HEADER_BYTES = 13
const EXPLICIT_NONCE_BYTES = 8
const TAG_BYTES = 16
const ALERT_BYTES = 2
const KEY_BYTES = 16
const FIXED_IV_BYTES = 4
const ALERT = 21
const HANDSHAKE = 22
const FATAL = 2
const CLOSE_NOTIFY = 0
/** A flight is lost a few times at most; more requests for it are not answered. */
const MAX_FLIGHT_REPEATS = 8

export class DtlsEpilogue {
  readonly #key: Uint8Array
  readonly #fixedIv: Uint8Array
  readonly #lastFlight: readonly Uint8Array[]
  /** The datagram that ends the association. */
  readonly closeNotify: Uint8Array
  #repeats = 0

  /**
   * @param role ours. @param lastFlight the datagrams that we sent last in the handshake; empty for a client, whose peer cannot miss them.
   */
  constructor(
    secrets: DtlsSecrets,
    role: 'client' | 'server',
    closeNotify: Uint8Array,
    lastFlight: readonly Uint8Array[],
  ) {
    // key_block: client key, server key, client IV, server IV (RFC 5246 section 6.3; AEAD ciphers have no MAC keys).
    const block = expandKeys(secrets, 2 * (KEY_BYTES + FIXED_IV_BYTES))
    const peer = role === 'server' ? 0 : 1
    const ivs = 2 * KEY_BYTES
    this.#key = block.slice(peer * KEY_BYTES, (peer + 1) * KEY_BYTES)
    this.#fixedIv = block.slice(ivs + peer * FIXED_IV_BYTES, ivs + (peer + 1) * FIXED_IV_BYTES)
    this.closeNotify = closeNotify
    this.#lastFlight = lastFlight
  }

  /**
   * Takes one datagram of DTLS records.
   * @param repeat is called with each datagram that has to be sent again. @returns true when the peer has ended the association.
   */
  receive(
    bytes: Uint8Array,
    offset: number,
    length: number,
    repeat: (datagram: Uint8Array) => void,
  ): boolean {
    const end = offset + length
    let at = offset
    let asksForFlight = false
    while (at + RECORD_HEADER_BYTES <= end) {
      const record = RECORD_HEADER_BYTES + (((bytes[at + 11] as number) << 8) | (bytes[at + 12] as number))
      if (at + record > end) break
      if (bytes[at] === HANDSHAKE) asksForFlight = true
      else if (bytes[at] === ALERT && this.#isEnd(bytes.subarray(at, at + record))) return true
      at += record
    }
    if (asksForFlight && this.#repeats < MAX_FLIGHT_REPEATS) {
      this.#repeats++
      for (const datagram of this.#lastFlight) repeat(datagram)
    }
    return false
  }

  /** True for an authentic close_notify or fatal alert (RFC 5246 section 7.2). */
  #isEnd(record: Uint8Array): boolean {
    const isEncrypted = ((record[3] as number) << 8) + (record[4] as number) === 1
    if (
      !isEncrypted ||
      record.length !== RECORD_HEADER_BYTES + EXPLICIT_NONCE_BYTES + ALERT_BYTES + TAG_BYTES
    )
      return false
    const explicitNonce = record.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + EXPLICIT_NONCE_BYTES)
    const decipher = createDecipheriv('aes-128-gcm', this.#key, Buffer.concat([this.#fixedIv, explicitNonce]))
    // epoch and sequence number, type, version, plain length (RFC 5246 section 6.2.3.3)
    const additional = Buffer.concat([
      record.subarray(3, 11),
      record.subarray(0, 3),
      Buffer.from([0, ALERT_BYTES]),
    ])
    decipher.setAAD(additional)
    decipher.setAuthTag(record.subarray(record.length - TAG_BYTES))
    try {
      const alert = decipher.update(
        record.subarray(RECORD_HEADER_BYTES + EXPLICIT_NONCE_BYTES, record.length - TAG_BYTES),
      )
      decipher.final()
      return alert[0] === FATAL || alert[1] === CLOSE_NOTIFY
    } catch {
      return false // not authentic
    }
  }
}

/** The pseudo-random function with SHA-256 over the label "key expansion" (RFC 5246 sections 5 and 6.3). */
function expandKeys({ masterSecret, clientRandom, serverRandom }: DtlsSecrets, length: number): Uint8Array {
  const seed = Buffer.concat([Buffer.from('key expansion'), serverRandom, clientRandom])
  const hmac = (data: Uint8Array): Buffer => createHmac('sha256', masterSecret).update(data).digest()
  const blocks: Buffer[] = []
  let a: Buffer = hmac(seed)
  for (let made = 0; made < length; made += 32) {
    blocks.push(hmac(Buffer.concat([a, seed])))
    a = hmac(a)
  }
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length))
}
