/** AES-128-GCM, AES-128-CTR and HMAC-SHA1 over native memory: the primitives of SRTP, one persistent context per key. */
import { NativeMemory } from './memory.ts'
import {
  EVP_CIPHER_CTX_ctrl,
  EVP_CIPHER_CTX_free,
  EVP_CIPHER_CTX_new,
  EVP_DecryptFinal_ex,
  EVP_DecryptInit_ex,
  EVP_DecryptUpdate,
  EVP_EncryptFinal_ex,
  EVP_EncryptInit_ex,
  EVP_EncryptUpdate,
  EVP_aes_128_ctr,
  EVP_aes_128_gcm,
  SHA1_Final,
  SHA1_Init,
  SHA1_Update,
  liveObjects,
  must,
  nativeBytes,
} from './openssl.ts'

const EVP_CTRL_AEAD_SET_IVLEN = 0x9
const EVP_CTRL_AEAD_GET_TAG = 0x10
const EVP_CTRL_AEAD_SET_TAG = 0x11

export const GCM_IV_BYTES = 12
export const GCM_TAG_BYTES = 16
export const CTR_IV_BYTES = 16
export const SHA1_BYTES = 20

/**
 * Where callers put the IV before each call, and where lengths that nobody reads are written. Shared by all ciphers of the thread,
 * since a call is complete when it returns.
 */
export const iv = new NativeMemory(256)
const IGNORED_LENGTH_OFFSET = 64
const IGNORED_OUTPUT_OFFSET = 128
const ivAddress = iv.address
const ignoredLength = iv.address + IGNORED_LENGTH_OFFSET
const ignoredOutput = iv.address + IGNORED_OUTPUT_OFFSET

/** AES-128-GCM with a 96-bit IV and a 128-bit tag, one direction. */
export class AesGcm {
  readonly #context: number
  readonly #encrypts: boolean
  #freed = false

  /** @param key 16 bytes; copied into the context, not kept. */
  constructor(key: Uint8Array, direction: 'encrypt' | 'decrypt') {
    this.#encrypts = direction === 'encrypt'
    this.#context = must('EVP_CIPHER_CTX_new', EVP_CIPHER_CTX_new())
    liveObjects.ciphers++
    const init = this.#encrypts ? EVP_EncryptInit_ex : EVP_DecryptInit_ex
    const keyMemory = nativeBytes(key)
    must('EVP_CipherInit (AES-128-GCM)', init(this.#context, EVP_aes_128_gcm(), 0, 0, 0))
    must('set IV length', EVP_CIPHER_CTX_ctrl(this.#context, EVP_CTRL_AEAD_SET_IVLEN, GCM_IV_BYTES, 0))
    must('EVP_CipherInit (key)', init(this.#context, 0, 0, keyMemory.address, 0))
    keyMemory.bytes.fill(0)
  }

  /**
   * Encrypts with the IV in `iv`: authenticates `aadLength` bytes at `offset` of `out`, encrypts the `prefixLength` bytes behind them in
   * place, appends the encryption of `payload`, and the tag. `payload` may be the same memory when nothing moves.
   * @returns false when OpenSSL refused (nothing to send then).
   */
  seal(
    out: NativeMemory,
    offset: number,
    aadLength: number,
    prefixLength: number,
    payload: NativeMemory,
    payloadOffset: number,
    payloadLength: number,
  ): boolean {
    const context = this.#context
    const start = out.address + offset
    const body = start + aadLength
    if (EVP_EncryptInit_ex(context, 0, 0, 0, ivAddress) !== 1) return false
    if (EVP_EncryptUpdate(context, 0, ignoredLength, start, aadLength) !== 1) return false
    if (prefixLength > 0 && EVP_EncryptUpdate(context, body, ignoredLength, body, prefixLength) !== 1)
      return false
    const from = payload.address + payloadOffset
    if (
      payloadLength > 0 &&
      EVP_EncryptUpdate(context, body + prefixLength, ignoredLength, from, payloadLength) !== 1
    )
      return false
    if (EVP_EncryptFinal_ex(context, ignoredOutput, ignoredLength) !== 1) return false
    return (
      EVP_CIPHER_CTX_ctrl(
        context,
        EVP_CTRL_AEAD_GET_TAG,
        GCM_TAG_BYTES,
        body + prefixLength + payloadLength,
      ) === 1
    )
  }

  /**
   * Encrypts in place with the IV in `iv`, where associated data comes in two parts and the tag has a place of its own (SRTCP).
   * @returns false when OpenSSL refused.
   */
  sealInPlace(
    memory: NativeMemory,
    aadOffset: number,
    aadLength: number,
    moreAadOffset: number,
    moreAadLength: number,
    bodyOffset: number,
    bodyLength: number,
    tagOffset: number,
  ): boolean {
    const context = this.#context
    const base = memory.address
    const body = base + bodyOffset
    return (
      EVP_EncryptInit_ex(context, 0, 0, 0, ivAddress) === 1 &&
      EVP_EncryptUpdate(context, 0, ignoredLength, base + aadOffset, aadLength) === 1 &&
      EVP_EncryptUpdate(context, 0, ignoredLength, base + moreAadOffset, moreAadLength) === 1 &&
      (bodyLength === 0 || EVP_EncryptUpdate(context, body, ignoredLength, body, bodyLength) === 1) &&
      EVP_EncryptFinal_ex(context, ignoredOutput, ignoredLength) === 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, base + tagOffset) === 1
    )
  }

  /**
   * Decrypts in place with the IV in `iv`. The associated data may come in two parts (SRTCP: header, then index).
   * @returns false where the tag does not verify; the bytes are garbage then.
   */
  open(
    memory: NativeMemory,
    aadOffset: number,
    aadLength: number,
    moreAadOffset: number,
    moreAadLength: number,
    bodyOffset: number,
    bodyLength: number,
    tagOffset: number,
  ): boolean {
    const context = this.#context
    const base = memory.address
    if (EVP_DecryptInit_ex(context, 0, 0, 0, ivAddress) !== 1) return false
    if (EVP_DecryptUpdate(context, 0, ignoredLength, base + aadOffset, aadLength) !== 1) return false
    if (
      moreAadLength > 0 &&
      EVP_DecryptUpdate(context, 0, ignoredLength, base + moreAadOffset, moreAadLength) !== 1
    )
      return false
    const body = base + bodyOffset
    if (bodyLength > 0 && EVP_DecryptUpdate(context, body, ignoredLength, body, bodyLength) !== 1)
      return false
    if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, base + tagOffset) !== 1)
      return false
    return EVP_DecryptFinal_ex(context, ignoredOutput, ignoredLength) === 1
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    liveObjects.ciphers--
    EVP_CIPHER_CTX_free(this.#context)
  }
}

/** AES-128 in counter mode; encryption and decryption are the same operation. */
export class AesCounter {
  readonly #context: number
  #freed = false

  /** @param key 16 bytes; copied into the context, not kept. */
  constructor(key: Uint8Array) {
    this.#context = must('EVP_CIPHER_CTX_new', EVP_CIPHER_CTX_new())
    liveObjects.ciphers++
    const keyMemory = nativeBytes(key)
    must(
      'EVP_EncryptInit_ex (AES-128-CTR)',
      EVP_EncryptInit_ex(this.#context, EVP_aes_128_ctr(), 0, keyMemory.address, 0),
    )
    keyMemory.bytes.fill(0)
  }

  /** Begins a packet with the IV in `iv`. */
  begin(): boolean {
    return EVP_EncryptInit_ex(this.#context, 0, 0, 0, ivAddress) === 1
  }

  /** Applies the next bytes of the key stream. `from` and `to` may be the same place. */
  apply(to: NativeMemory, toOffset: number, from: NativeMemory, fromOffset: number, length: number): boolean {
    if (length === 0) return true
    return (
      EVP_EncryptUpdate(
        this.#context,
        to.address + toOffset,
        ignoredLength,
        from.address + fromOffset,
        length,
      ) === 1
    )
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    liveObjects.ciphers--
    EVP_CIPHER_CTX_free(this.#context)
  }
}

/** Size of OpenSSL's SHA_CTX: 5 state words, 2 length words, 16 data words, 1 count. */
const SHA_CTX_BYTES = 96
const SHA1_BLOCK_BYTES = 64
const WORKING_OFFSET = 0
const DIGEST_OFFSET = SHA_CTX_BYTES
/** Working state and inner digest, shared by all keys of the thread. */
const hmacScratch = new NativeMemory(256)
const workingAddress = hmacScratch.address + WORKING_OFFSET
const digestAddress = hmacScratch.address + DIGEST_OFFSET

/** HMAC-SHA1 (RFC 2104) from precomputed inner and outer states, which saves two of its four blocks for each packet. */
export class HmacSha1 {
  /** Inner state at 0, outer state at SHA_CTX_BYTES. */
  readonly #states: Uint8Array

  /** @param key at most 64 bytes. */
  constructor(key: Uint8Array) {
    if (key.byteLength > SHA1_BLOCK_BYTES) throw new RangeError('HMAC keys of SRTP are shorter than a block')
    this.#states = new Uint8Array(2 * SHA_CTX_BYTES)
    this.#precompute(key, 0x36, 0)
    this.#precompute(key, 0x5c, SHA_CTX_BYTES)
  }

  /** Writes the 20-byte code over `length` bytes at `offset` of `memory` into `digest`. */
  compute(memory: NativeMemory, offset: number, length: number): Uint8Array {
    const states = this.#states
    const scratch = hmacScratch.bytes
    for (let i = 0; i < SHA_CTX_BYTES; i++) scratch[i] = states[i] as number
    SHA1_Update(workingAddress, memory.address + offset, length)
    SHA1_Final(digestAddress, workingAddress)
    for (let i = 0; i < SHA_CTX_BYTES; i++) scratch[i] = states[SHA_CTX_BYTES + i] as number
    SHA1_Update(workingAddress, digestAddress, SHA1_BYTES)
    SHA1_Final(digestAddress, workingAddress)
    return digest
  }

  #precompute(key: Uint8Array, pad: number, at: number): void {
    const block = new NativeMemory(SHA1_BLOCK_BYTES)
    block.bytes.fill(pad, 0, SHA1_BLOCK_BYTES)
    for (let i = 0; i < key.byteLength; i++) block.bytes[i] = pad ^ (key[i] as number)
    must('SHA1_Init', SHA1_Init(workingAddress))
    must('SHA1_Update', SHA1_Update(workingAddress, block.address, SHA1_BLOCK_BYTES))
    this.#states.set(hmacScratch.bytes.subarray(WORKING_OFFSET, WORKING_OFFSET + SHA_CTX_BYTES), at)
    block.bytes.fill(0)
  }
}

/** The result of the last `HmacSha1.compute` on this thread, until the next. */
const digest = hmacScratch.bytes.subarray(DIGEST_OFFSET, DIGEST_OFFSET + SHA1_BYTES)
