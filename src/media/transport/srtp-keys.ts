/** SRTP key derivation (RFC 3711 section 4.3; RFC 7714 section 11 for AES-GCM) and the split of DTLS keying material (RFC 5764 section 4.2). */
import { createCipheriv } from 'node:crypto'
import type { SrtpProfileName } from '../native/dtls.ts'

export interface SrtpProfile {
  readonly name: SrtpProfileName
  readonly masterKeyBytes: number
  readonly masterSaltBytes: number
  readonly authenticationKeyBytes: number
  /** Bytes that protection adds behind an RTP payload. */
  readonly rtpOverheadBytes: number
  /** Bytes that protection adds behind an RTCP packet, with the index. */
  readonly rtcpOverheadBytes: number
}

const SRTCP_INDEX_BYTES = 4

export const srtpProfiles: Readonly<Record<SrtpProfileName, SrtpProfile>> = {
  AEAD_AES_128_GCM: {
    name: 'AEAD_AES_128_GCM',
    masterKeyBytes: 16,
    masterSaltBytes: 12,
    authenticationKeyBytes: 0,
    rtpOverheadBytes: 16,
    rtcpOverheadBytes: 16 + SRTCP_INDEX_BYTES,
  },
  AES128_CM_SHA1_80: {
    name: 'AES128_CM_SHA1_80',
    masterKeyBytes: 16,
    masterSaltBytes: 14,
    authenticationKeyBytes: 20,
    rtpOverheadBytes: 10,
    rtcpOverheadBytes: 10 + SRTCP_INDEX_BYTES,
  },
}

/** Master key and salt of one direction. */
export interface SrtpMasterKey {
  readonly key: Uint8Array
  readonly salt: Uint8Array
}

/** Bytes to export from DTLS for a profile. */
export function keyingMaterialBytes(profile: SrtpProfile): number {
  return 2 * (profile.masterKeyBytes + profile.masterSaltBytes)
}

/** Splits keying material: client key, server key, client salt, server salt (RFC 5764 section 4.2). */
export function splitKeyingMaterial(
  profile: SrtpProfile,
  material: Uint8Array,
): { client: SrtpMasterKey; server: SrtpMasterKey } {
  const { masterKeyBytes: key, masterSaltBytes: salt } = profile
  return {
    client: { key: material.slice(0, key), salt: material.slice(2 * key, 2 * key + salt) },
    server: { key: material.slice(key, 2 * key), salt: material.slice(2 * key + salt, 2 * key + 2 * salt) },
  }
}

/** Labels of RFC 3711 section 4.3.2. */
const labels = {
  rtp: { encryption: 0x00, authentication: 0x01, salt: 0x02 },
  rtcp: { encryption: 0x03, authentication: 0x04, salt: 0x05 },
} as const

export interface SrtpSessionKeys {
  readonly encryption: Uint8Array
  readonly authentication: Uint8Array
  readonly salt: Uint8Array
}

/** Session keys of one direction for RTP or RTCP, with a key derivation rate of zero. */
export function deriveSessionKeys(
  profile: SrtpProfile,
  master: SrtpMasterKey,
  kind: 'rtp' | 'rtcp',
): SrtpSessionKeys {
  const label = labels[kind]
  return {
    encryption: derive(master, label.encryption, profile.masterKeyBytes),
    authentication: derive(master, label.authentication, profile.authenticationKeyBytes),
    salt: derive(master, label.salt, profile.masterSaltBytes),
  }
}

/** The AES-CM pseudo-random function: the label stands in the eighth byte of the salt, shorter salts are padded with zeros. */
function derive(master: SrtpMasterKey, label: number, length: number): Uint8Array {
  const counter = Buffer.alloc(16)
  counter.set(master.salt)
  counter[7] = (counter[7] as number) ^ label
  const cipher = createCipheriv('aes-128-ctr', master.key, counter)
  return new Uint8Array(cipher.update(Buffer.alloc(length)))
}
