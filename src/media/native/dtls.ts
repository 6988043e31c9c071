/**
 * DTLS 1.2 (RFC 6347) with the SRTP extension (RFC 5764) through OpenSSL's memory BIOs: datagrams in, datagrams out, no socket.
 *
 * A memory BIO joins what is written to it, so outgoing records are parted again by their own headers and packed into datagrams of
 * at most the MTU; incoming datagrams are fed one at a time.
 */
import { NativeMemory } from './memory.ts'
import * as openssl from './openssl.ts'
import { OpenSslError, liveObjects, must, nativeBytes, nativeString, takeOpenSslErrors } from './openssl.ts'

const SSL_CTRL_SET_MTU = 17
const SSL_CTRL_SET_SESS_CACHE_MODE = 44
const DTLS_CTRL_GET_TIMEOUT = 73
const DTLS_CTRL_HANDLE_TIMEOUT = 74
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123
const DTLS1_2_VERSION = 0xfefd
const SSL_SESS_CACHE_OFF = 0
const SSL_OP_NO_QUERY_MTU = 0x1000
const SSL_OP_NO_TICKET = 0x4000
const SSL_OP_CIPHER_SERVER_PREFERENCE = 0x400000
const SSL_OP_NO_RENEGOTIATION = 0x40000000
const SSL_VERIFY_PEER = 1
const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2
const SSL_RECEIVED_SHUTDOWN = 2
const SSL_ERROR_WANT_READ = 2
const SSL_ERROR_SYSCALL = 5
const BIO_CTRL_RESET = 1
const BIO_CTRL_PENDING = 10
const BIO_C_SET_BUF_MEM_EOF_RETURN = 130
const EVP_PKEY_EC = 408
/**
 * All forward secret; ECDSA for browsers, RSA for peers that bring such a certificate. As server we choose by this order, whose first two
 * let a connection be replaced by its epilogue.
 */
const CIPHERS =
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA'
/** In the order of preference. The second is what FFmpeg and older libwebrtc builds speak. */
const SRTP_PROFILES = 'SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80'
/** Largest datagram that we send in a handshake: fits any path that WebRTC media fits (RFC 8831 section 5). */
export const DTLS_MTU_BYTES = 1200
const RECORD_HEADER_BYTES = 13
/** TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 and TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (RFC 5289 section 3.2). */
const AES_128_GCM_SHA256_CIPHERS: ReadonlySet<number> = new Set([0xc02b, 0xc02f])
const MASTER_SECRET_BYTES = 48
const RANDOM_BYTES = 32
/** A flight of handshake messages with a long certificate chain still fits. */
const SCRATCH_BYTES = 32 * 1024
const EXPORTER_LABEL = 'EXTRACTOR-dtls_srtp' // RFC 5764 section 4.2

const scratch = new NativeMemory(SCRATCH_BYTES)
const exporterLabel = nativeString(EXPORTER_LABEL)

export type SrtpProfileName = 'AEAD_AES_128_GCM' | 'AES128_CM_SHA1_80'
/** Protection profile numbers of RFC 5764 section 4.1.2 and RFC 7714 section 14.2. */
const SRTP_PROFILE_BY_ID: Readonly<Record<number, SrtpProfileName>> = {
  1: 'AES128_CM_SHA1_80',
  7: 'AEAD_AES_128_GCM',
}

/** What an association's record keys are derived from (RFC 5246 section 6.3). */
export interface DtlsSecrets {
  readonly masterSecret: Uint8Array
  readonly clientRandom: Uint8Array
  readonly serverRandom: Uint8Array
}

/** What all connections share: the certificate and the rules. One per media thread; lives as long as the thread. */
export class DtlsContext {
  readonly context: number
  // Kept because OpenSSL reads them by address.
  readonly #kept: NativeMemory[] = []

  /**
   * @param certificate DER; @param privateKey DER, PKCS #8, ECDSA P-256.
   * @throws {OpenSslError}
   */
  constructor(certificate: Uint8Array, privateKey: Uint8Array) {
    const context = must('SSL_CTX_new', openssl.SSL_CTX_new(openssl.DTLS_method()))
    this.context = context
    must('DTLS 1.2', openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, DTLS1_2_VERSION, 0))
    openssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, 0)
    openssl.SSL_CTX_set_options(
      context,
      SSL_OP_NO_QUERY_MTU + SSL_OP_NO_TICKET + SSL_OP_CIPHER_SERVER_PREFERENCE + SSL_OP_NO_RENEGOTIATION,
    )
    must(
      'SSL_CTX_set_cipher_list',
      openssl.SSL_CTX_set_cipher_list(context, this.#keep(nativeString(CIPHERS)).address),
    )
    // This one function answers 0 for success.
    if (openssl.SSL_CTX_set_tlsext_use_srtp(context, this.#keep(nativeString(SRTP_PROFILES)).address) !== 0) {
      throw new OpenSslError(`SSL_CTX_set_tlsext_use_srtp: ${takeOpenSslErrors()}`)
    }
    const der = this.#keep(nativeBytes(certificate))
    must(
      'SSL_CTX_use_certificate',
      openssl.SSL_CTX_use_certificate_ASN1(context, certificate.byteLength, der.address),
    )
    const key = nativeBytes(privateKey)
    must(
      'SSL_CTX_use_PrivateKey',
      openssl.SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, context, key.address, privateKey.byteLength),
    )
    key.bytes.fill(0)
    must('SSL_CTX_check_private_key', openssl.SSL_CTX_check_private_key(context))
    // Any self-signed certificate passes here: who the peer is, its fingerprint in the SDP says (RFC 8827 section 6.5).
    const accept = openssl.registerCallback(() => 1, ['uintptr_t', 'uintptr_t'])
    openssl.SSL_CTX_set_cert_verify_callback(context, accept, 0)
    openssl.SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0)
  }

  #keep(memory: NativeMemory): NativeMemory {
    this.#kept.push(memory)
    return memory
  }
}

export type DtlsProgress = 'pending' | 'connected' | 'closed' | 'failed'

/** One DTLS association. Call `takeDatagrams` after every other call: there may be something to send. */
export class DtlsConnection {
  readonly #ssl: number
  readonly #input: number
  readonly #output: number
  #connected = false
  #freed = false
  /** Why the last call answered 'failed', in OpenSSL's words. */
  failure = ''

  constructor(context: DtlsContext, role: 'client' | 'server') {
    this.#ssl = must('SSL_new', openssl.SSL_new(context.context))
    this.#input = must('BIO_new', openssl.BIO_new(openssl.BIO_s_mem()))
    this.#output = must('BIO_new', openssl.BIO_new(openssl.BIO_s_mem()))
    // An empty BIO means "try again later", not "end of file".
    openssl.BIO_ctrl(this.#input, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, 0)
    openssl.BIO_ctrl(this.#output, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, 0)
    openssl.SSL_set_bio(this.#ssl, this.#input, this.#output)
    openssl.SSL_ctrl(this.#ssl, SSL_CTRL_SET_MTU, DTLS_MTU_BYTES, 0)
    if (role === 'client') openssl.SSL_set_connect_state(this.#ssl)
    else openssl.SSL_set_accept_state(this.#ssl)
    liveObjects.connections++
  }

  /** Begins (client) or goes on with the handshake. */
  handshake(): DtlsProgress {
    if (this.#connected) return 'connected'
    openssl.ERR_clear_error()
    const result = openssl.SSL_do_handshake(this.#ssl)
    if (result === 1) {
      this.#connected = true
      return 'connected'
    }
    return this.#classify(result)
  }

  /** Takes one datagram of one or more records. */
  receive(memory: NativeMemory, offset: number, length: number): DtlsProgress {
    openssl.BIO_write(this.#input, memory.address + offset, length)
    let progress = this.handshake()
    if (progress === 'connected') progress = this.#read()
    // A datagram is taken whole or not at all; nothing of it may be glued to the next one.
    openssl.BIO_ctrl(this.#input, BIO_CTRL_RESET, 0, 0)
    return progress
  }

  /** Time until `handleTimeout` is due in ms, or undefined when no retransmission timer runs (RFC 6347 section 4.2.4). */
  timeoutMs(): number | undefined {
    if (openssl.SSL_ctrl(this.#ssl, DTLS_CTRL_GET_TIMEOUT, 0, scratch.address) !== 1) return undefined
    const seconds = Number(scratch.view.getBigInt64(0, true))
    const microseconds = Number(scratch.view.getBigInt64(8, true))
    return seconds * 1000 + Math.ceil(microseconds / 1000)
  }

  /** Sends the last flight again if its timer has run out. */
  handleTimeout(): DtlsProgress {
    openssl.ERR_clear_error()
    const result = openssl.SSL_ctrl(this.#ssl, DTLS_CTRL_HANDLE_TIMEOUT, 0, 0)
    if (result < 0) return this.#classify(result)
    return this.#connected ? 'connected' : 'pending'
  }

  /** Hands every datagram that is to be sent to `send`; the bytes are valid during that call only. */
  takeDatagrams(send: (memory: NativeMemory, offset: number, length: number) => void): void {
    const pending = openssl.BIO_ctrl(this.#output, BIO_CTRL_PENDING, 0, 0)
    if (pending <= 0) return
    const memory = pending <= SCRATCH_BYTES ? scratch : new NativeMemory(pending)
    const length = openssl.BIO_read(this.#output, memory.address, pending)
    let start = 0
    let end = 0
    while (end + RECORD_HEADER_BYTES <= length) {
      const record = RECORD_HEADER_BYTES + memory.view.getUint16(end + 11)
      if (end > start && end + record - start > DTLS_MTU_BYTES) {
        send(memory, start, end - start)
        start = end
      }
      end += record
    }
    if (end > start) send(memory, start, Math.min(end, length) - start)
  }

  /** The profile that was negotiated, or undefined where the peer has no use_srtp extension. */
  srtpProfile(): SrtpProfileName | undefined {
    const profile = openssl.SSL_get_selected_srtp_profile(this.#ssl)
    // struct { const char *name; unsigned long id; }
    return profile === 0 ? undefined : SRTP_PROFILE_BY_ID[openssl.readUint64At(profile + 8)]
  }

  /** A copy of `length` bytes of keying material for SRTP (RFC 5764 section 4.2). @throws {OpenSslError} */
  exportKeyingMaterial(length: number): Uint8Array {
    const result = openssl.SSL_export_keying_material(
      this.#ssl, scratch.address, length, exporterLabel.address, EXPORTER_LABEL.length, 0, 0, 0,
    ) // prettier-ignore
    must('SSL_export_keying_material', result)
    const material = scratch.bytes.slice(0, length)
    scratch.bytes.fill(0, 0, length)
    return material
  }

  /**
   * Fingerprint of the peer's certificate, upper-case hex with colons (RFC 8122 section 5).
   * @param algorithm as in the SDP, such as 'sha-256'. @returns undefined where there is no certificate or no such hash.
   */
  peerFingerprint(algorithm: string): string | undefined {
    const digest = openssl.EVP_get_digestbyname(nativeString(algorithm.replace('-', '')).address)
    if (digest === 0) return undefined
    const certificate = openssl.SSL_get1_peer_certificate(this.#ssl)
    if (certificate === 0) return undefined
    const lengthOffset = 128
    const done = openssl.X509_digest(certificate, digest, scratch.address, scratch.address + lengthOffset)
    openssl.X509_free(certificate)
    if (done !== 1) return undefined
    const bytes = scratch.bytes.subarray(0, scratch.view.getUint32(lengthOffset, true))
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':')
  }

  /**
   * The secrets behind the record keys, where the cipher is one of those whose records are AES-128-GCM with SHA-256 as hash.
   * @returns undefined for other ciphers, or before the handshake is complete.
   */
  secrets(): DtlsSecrets | undefined {
    if (!this.#connected) return undefined
    const cipher = openssl.SSL_get_current_cipher(this.#ssl)
    if (cipher === 0 || !AES_128_GCM_SHA256_CIPHERS.has(openssl.SSL_CIPHER_get_protocol_id(cipher)))
      return undefined
    const take = (
      call: (object: number, out: number, length: number) => number,
      object: number,
      length: number,
    ): Uint8Array => {
      const taken = call(object, scratch.address, length)
      const bytes = scratch.bytes.slice(0, taken)
      scratch.bytes.fill(0, 0, length)
      return bytes
    }
    const session = openssl.SSL_get_session(this.#ssl)
    const masterSecret = take(openssl.SSL_SESSION_get_master_key, session, MASTER_SECRET_BYTES)
    if (masterSecret.length !== MASTER_SECRET_BYTES) return undefined
    return {
      masterSecret,
      clientRandom: take(openssl.SSL_get_client_random, this.#ssl, RANDOM_BYTES),
      serverRandom: take(openssl.SSL_get_server_random, this.#ssl, RANDOM_BYTES),
    }
  }

  /** Writes a close_notify alert; nothing can be received afterwards. */
  shutDown(): void {
    if (this.#connected) openssl.SSL_shutdown(this.#ssl)
    openssl.ERR_clear_error()
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    liveObjects.connections--
    openssl.SSL_free(this.#ssl) // frees both BIOs too
  }

  /** Lets OpenSSL process records after the handshake: retransmitted Finished, alerts. Application data is thrown away. */
  #read(): DtlsProgress {
    openssl.ERR_clear_error()
    for (let records = 0; records < MAX_RECORDS_PER_DATAGRAM; records++) {
      const result = openssl.SSL_read(this.#ssl, scratch.address, SCRATCH_BYTES)
      if (result > 0) continue
      if ((openssl.SSL_get_shutdown(this.#ssl) & SSL_RECEIVED_SHUTDOWN) !== 0) return 'closed'
      // A record that does not verify is dropped without a word (RFC 6347 section 4.1.2.7), or anybody could end the session.
      openssl.ERR_clear_error()
      return 'connected'
    }
    return 'connected'
  }

  #classify(result: number): DtlsProgress {
    let failure = ''
    const code = openssl.SSL_get_error(this.#ssl, result)
    if (code === SSL_ERROR_WANT_READ) return 'pending'
    // "System call failed" with nothing to say is how a dropped record looks: a memory BIO makes no system call.
    if (code === SSL_ERROR_SYSCALL && (failure = takeOpenSslErrors()) === '') return 'pending'
    if ((openssl.SSL_get_shutdown(this.#ssl) & SSL_RECEIVED_SHUTDOWN) !== 0) {
      this.failure = 'the peer closed the connection'
      openssl.ERR_clear_error()
      return this.#connected ? 'closed' : 'failed'
    }
    this.failure = failure || takeOpenSslErrors() || `SSL_get_error ${code}`
    return 'failed'
  }
}

/** A datagram of 1,500 bytes cannot hold more records than this. */
const MAX_RECORDS_PER_DATAGRAM = 64
