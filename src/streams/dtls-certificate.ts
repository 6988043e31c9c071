/** The process's DTLS identity: a self-signed ECDSA P-256 certificate, made at start (RFC 8827 section 6.5, RFC 8122). */
import 'reflect-metadata' // @peculiar/x509 asks for it to be there first
import { createHash, randomBytes, webcrypto } from 'node:crypto'
import { X509CertificateGenerator } from '@peculiar/x509'
import type { Fingerprint } from '../media/contract.ts'

export interface DtlsCertificate {
  /** X.509, DER. */
  readonly certificate: Uint8Array
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array
  readonly fingerprint: Fingerprint
}

const DAY_MS = 86_400_000
/** Peers check the fingerprint, not the dates; still the certificate should be valid on a machine whose clock is a day off. */
const CLOCK_SKEW_MS = DAY_MS
/** Longer than any process is likely to run. */
const VALIDITY_MS = 3650 * DAY_MS

/** `nowMs`: wall-clock time since 1970. */
export async function createDtlsCertificate(nowMs: number): Promise<DtlsCertificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const generated = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: positiveSerialNumber(),
      name: 'CN=whipway',
      notBefore: new Date(nowMs - CLOCK_SKEW_MS),
      notAfter: new Date(nowMs + VALIDITY_MS),
      signingAlgorithm: algorithm,
      keys,
    },
    webcrypto,
  )
  const certificate = new Uint8Array(generated.rawData)
  const privateKey = new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return { certificate, privateKey, fingerprint: fingerprintOf(certificate) }
}

/** RFC 5280 section 4.1.2.2: positive, at most 20 octets, not starting with a zero octet. */
function positiveSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

export function fingerprintOf(certificate: Uint8Array): Fingerprint {
  const hex = createHash('sha256').update(certificate).digest('hex').toUpperCase()
  return { algorithm: 'sha-256', value: hex.replace(/(..)(?=.)/g, '$1:') }
}
