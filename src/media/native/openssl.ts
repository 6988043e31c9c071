/** The symbols of the OpenSSL inside Node that the media wing calls, and OpenSSL's own words for what went wrong. */
import koffi from 'koffi'
import { NativeMemory } from './memory.ts'

const library = koffi.load(null)

// Every pointer is passed as a plain number: koffi converts those without allocating.
const pointer = 'uintptr_t'
const int = 'int'

type Call<Arguments extends number[]> = (...args: Arguments) => number

function bind<Arguments extends number[]>(name: string, result: string, args: string[]): Call<Arguments> {
  return library.func(name, result, args)
}

type N = number

// Symmetric ciphers and digests.
export const EVP_CIPHER_CTX_new = bind<[]>('EVP_CIPHER_CTX_new', pointer, [])
export const EVP_CIPHER_CTX_free = bind<[N]>('EVP_CIPHER_CTX_free', 'void', [pointer])
export const EVP_CIPHER_CTX_ctrl = bind<[N, N, N, N]>('EVP_CIPHER_CTX_ctrl', int, [
  pointer,
  int,
  int,
  pointer,
])
export const EVP_EncryptInit_ex = bind<[N, N, N, N, N]>('EVP_EncryptInit_ex', int, [
  pointer,
  pointer,
  pointer,
  pointer,
  pointer,
])
export const EVP_EncryptUpdate = bind<[N, N, N, N, N]>('EVP_EncryptUpdate', int, [
  pointer,
  pointer,
  pointer,
  pointer,
  int,
])
export const EVP_EncryptFinal_ex = bind<[N, N, N]>('EVP_EncryptFinal_ex', int, [pointer, pointer, pointer])
export const EVP_DecryptInit_ex = bind<[N, N, N, N, N]>('EVP_DecryptInit_ex', int, [
  pointer,
  pointer,
  pointer,
  pointer,
  pointer,
])
export const EVP_DecryptUpdate = bind<[N, N, N, N, N]>('EVP_DecryptUpdate', int, [
  pointer,
  pointer,
  pointer,
  pointer,
  int,
])
export const EVP_DecryptFinal_ex = bind<[N, N, N]>('EVP_DecryptFinal_ex', int, [pointer, pointer, pointer])
export const EVP_aes_128_gcm = bind<[]>('EVP_aes_128_gcm', pointer, [])
export const EVP_aes_128_ctr = bind<[]>('EVP_aes_128_ctr', pointer, [])
export const SHA1_Init = bind<[N]>('SHA1_Init', int, [pointer])
export const SHA1_Update = bind<[N, N, N]>('SHA1_Update', int, [pointer, pointer, 'size_t'])
export const SHA1_Final = bind<[N, N]>('SHA1_Final', int, [pointer, pointer])

// DTLS contexts.
export const DTLS_method = bind<[]>('DTLS_method', pointer, [])
export const SSL_CTX_new = bind<[N]>('SSL_CTX_new', pointer, [pointer])
export const SSL_CTX_ctrl = bind<[N, N, N, N]>('SSL_CTX_ctrl', 'long', [pointer, int, 'long', pointer])
export const SSL_CTX_set_options = bind<[N, N]>('SSL_CTX_set_options', 'uint64_t', [pointer, 'uint64_t'])
export const SSL_CTX_set_cipher_list = bind<[N, N]>('SSL_CTX_set_cipher_list', int, [pointer, pointer])
export const SSL_CTX_set_tlsext_use_srtp = bind<[N, N]>('SSL_CTX_set_tlsext_use_srtp', int, [
  pointer,
  pointer,
])
export const SSL_CTX_set_verify = bind<[N, N, N]>('SSL_CTX_set_verify', 'void', [pointer, int, pointer])
export const SSL_CTX_set_cert_verify_callback = bind<[N, N, N]>('SSL_CTX_set_cert_verify_callback', 'void', [
  pointer,
  pointer,
  pointer,
])
export const SSL_CTX_use_certificate_ASN1 = bind<[N, N, N]>('SSL_CTX_use_certificate_ASN1', int, [
  pointer,
  int,
  pointer,
])
export const SSL_CTX_use_PrivateKey_ASN1 = bind<[N, N, N, N]>('SSL_CTX_use_PrivateKey_ASN1', int, [
  int,
  pointer,
  pointer,
  'long',
])
export const SSL_CTX_check_private_key = bind<[N]>('SSL_CTX_check_private_key', int, [pointer])

// DTLS connections.
export const SSL_new = bind<[N]>('SSL_new', pointer, [pointer])
export const SSL_free = bind<[N]>('SSL_free', 'void', [pointer])
export const SSL_ctrl = bind<[N, N, N, N]>('SSL_ctrl', 'long', [pointer, int, 'long', pointer])
export const SSL_set_bio = bind<[N, N, N]>('SSL_set_bio', 'void', [pointer, pointer, pointer])
export const SSL_set_accept_state = bind<[N]>('SSL_set_accept_state', 'void', [pointer])
export const SSL_set_connect_state = bind<[N]>('SSL_set_connect_state', 'void', [pointer])
export const SSL_do_handshake = bind<[N]>('SSL_do_handshake', int, [pointer])
export const SSL_read = bind<[N, N, N]>('SSL_read', int, [pointer, pointer, int])
export const SSL_shutdown = bind<[N]>('SSL_shutdown', int, [pointer])
export const SSL_get_shutdown = bind<[N]>('SSL_get_shutdown', int, [pointer])
export const SSL_get_error = bind<[N, N]>('SSL_get_error', int, [pointer, int])
export const SSL_get1_peer_certificate = bind<[N]>('SSL_get1_peer_certificate', pointer, [pointer])
export const SSL_get_selected_srtp_profile = bind<[N]>('SSL_get_selected_srtp_profile', pointer, [pointer])
export const SSL_export_keying_material = bind<[N, N, N, N, N, N, N, N]>('SSL_export_keying_material', int, [
  pointer, pointer, 'size_t', pointer, 'size_t', pointer, 'size_t', int,
]) // prettier-ignore
export const SSL_get_session = bind<[N]>('SSL_get_session', pointer, [pointer])
export const SSL_SESSION_get_master_key = bind<[N, N, N]>('SSL_SESSION_get_master_key', 'size_t', [
  pointer,
  pointer,
  'size_t',
])
export const SSL_get_client_random = bind<[N, N, N]>('SSL_get_client_random', 'size_t', [
  pointer,
  pointer,
  'size_t',
])
export const SSL_get_server_random = bind<[N, N, N]>('SSL_get_server_random', 'size_t', [
  pointer,
  pointer,
  'size_t',
])
export const SSL_get_current_cipher = bind<[N]>('SSL_get_current_cipher', pointer, [pointer])
export const SSL_CIPHER_get_protocol_id = bind<[N]>('SSL_CIPHER_get_protocol_id', 'uint16_t', [pointer])
export const X509_digest = bind<[N, N, N, N]>('X509_digest', int, [pointer, pointer, pointer, pointer])
export const X509_free = bind<[N]>('X509_free', 'void', [pointer])
export const EVP_get_digestbyname = bind<[N]>('EVP_get_digestbyname', pointer, [pointer])
export const BIO_new = bind<[N]>('BIO_new', pointer, [pointer])
export const BIO_s_mem = bind<[]>('BIO_s_mem', pointer, [])
export const BIO_read = bind<[N, N, N]>('BIO_read', int, [pointer, pointer, int])
export const BIO_write = bind<[N, N, N]>('BIO_write', int, [pointer, pointer, int])
export const BIO_ctrl = bind<[N, N, N, N]>('BIO_ctrl', 'long', [pointer, int, 'long', pointer])

// Errors.
const ERR_get_error = bind<[]>('ERR_get_error', 'unsigned long', [])
const ERR_error_string_n = bind<[N, N, N]>('ERR_error_string_n', 'void', ['unsigned long', pointer, 'size_t'])
export const ERR_clear_error = bind<[]>('ERR_clear_error', 'void', [])

const ERROR_TEXT_BYTES = 256
const errorText = new NativeMemory(ERROR_TEXT_BYTES)

/** A call into OpenSSL that must not fail did; carries OpenSSL's own words. */
export class OpenSslError extends Error {
  override readonly name = 'OpenSslError'
}

/** Takes what OpenSSL has queued up for this thread, joined by '; '. */
export function takeOpenSslErrors(): string {
  const texts: string[] = []
  for (let code = ERR_get_error(); code !== 0 && texts.length < 8; code = ERR_get_error()) {
    ERR_error_string_n(code, errorText.address, ERROR_TEXT_BYTES)
    texts.push(cString(errorText.bytes, 0))
  }
  ERR_clear_error()
  return texts.join('; ')
}

/** @throws {OpenSslError} unless `result` is positive. @returns `result`: a handle, a length or 1. */
export function must(what: string, result: number): number {
  if (result > 0) return result
  throw new OpenSslError(`${what}: ${takeOpenSslErrors() || `returned ${result}`}`)
}

/** A zero-terminated copy of an ASCII text in memory of its own; keep the object as long as native code may read it. */
export function nativeString(text: string): NativeMemory {
  const memory = new NativeMemory(text.length + 1)
  for (let i = 0; i < text.length; i++) memory.bytes[i] = text.charCodeAt(i)
  return memory
}

/** A copy of `bytes` in native memory; keep the object as long as native code may read it. */
export function nativeBytes(bytes: Uint8Array): NativeMemory {
  const memory = new NativeMemory(bytes.byteLength)
  memory.bytes.set(bytes)
  return memory
}

function cString(bytes: Uint8Array, start: number): string {
  let end = start
  while (end < bytes.length && bytes[end] !== 0) end++
  return String.fromCharCode(...bytes.subarray(start, end))
}

/** Registers a JavaScript function that OpenSSL calls back on this same thread, inside one of the calls above. */
export function registerCallback(callback: (...args: number[]) => number, argumentTypes: string[]): number {
  const prototype = koffi.proto(int, argumentTypes)
  return Number(koffi.register(callback, koffi.pointer(prototype)))
}

/** Reads a 32- or 64-bit unsigned integer at an address that OpenSSL returned. */
export function readUint64At(address: number): number {
  return Number(koffi.decode(address, 'uint64_t'))
}

/** OpenSSL objects that exist now, by kind: what must return to zero when all sessions are gone. */
export const liveObjects = { ciphers: 0, connections: 0 }
