/** Published vectors: RFC 3711 appendix B.2 (AES-CM key stream) and B.3 (key derivation), RFC 7714 section 16.1.1 (AES-GCM). */
import { expect, it } from 'vitest'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { AesCounter, AesGcm, HmacSha1, iv } from '../../src/media/native/symmetric-ciphers.ts'
import { deriveSessionKeys, srtpProfiles } from '../../src/media/transport/srtp-keys.ts'
import { gcmProtectRtp } from '../support/srtp-reference.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

it('RFC 3711 B.2: makes the AES-CM key stream', () => {
  const cipher = new AesCounter(hex('2B7E151628AED2A6ABF7158809CF4F3C'))
  iv.bytes.set(hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000'))
  const zeros = new NativeMemory(256)
  const out = new NativeMemory(256)
  expect(cipher.begin()).toBe(true)
  expect(cipher.apply(out, 0, zeros, 0, 48)).toBe(true)
  expect(Buffer.from(out.bytes.subarray(0, 48)).toString('hex').toUpperCase()).toBe(
    'E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0',
  )
  cipher.free()
})

it('RFC 3711 B.3: derives the session keys', () => {
  const master = { key: hex('E1F97A0D3E018BE0D64FA32C06DE4139'), salt: hex('0EC675AD498AFEEBB6960B3AABE6') }
  const keys = deriveSessionKeys(srtpProfiles.AES128_CM_SHA1_80, master, 'rtp')
  expect(Buffer.from(keys.encryption)).toEqual(hex('C61E7A93744F39EE10734AFE3FF7A087'))
  expect(Buffer.from(keys.salt)).toEqual(hex('30CBBC08863D8C85D49DB34A9AE1'))
  expect(Buffer.from(keys.authentication)).toEqual(hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'))
})

it('RFC 7714 16.1.1: seals and opens the sample RTP packet', () => {
  const key = hex('000102030405060708090a0b0c0d0e0f')
  const salt = hex('517569642070726f2071756f')
  const header = hex('8040f17b 8041f8d3 5501a0b2')
  const plain = Buffer.from('Gallia est omnis divisa in partes tres')
  const expected = hex(
    '8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce',
  )
  const keys = { encryption: key, authentication: Buffer.alloc(0), salt }
  expect(gcmProtectRtp(keys, header, plain, 0x5501a0b2, 0xf17bn)).toEqual(expected)

  const memory = new NativeMemory(256)
  const payload = new NativeMemory(256)
  memory.bytes.set(header, 10)
  payload.bytes.set(plain, 3)
  iv.bytes.set(hex('51753c6580c2726f20718414'))
  const sealer = new AesGcm(key, 'encrypt')
  expect(sealer.seal(memory, 10, 12, 0, payload, 3, plain.length)).toBe(true)
  expect(Buffer.from(memory.bytes.subarray(10, 10 + expected.length))).toEqual(expected)
  expect(Buffer.from(payload.bytes.subarray(3, 3 + plain.length))).toEqual(plain)

  const opener = new AesGcm(key, 'decrypt')
  iv.bytes.set(hex('51753c6580c2726f20718414'))
  expect(opener.open(memory, 10, 12, 0, 0, 22, plain.length, 22 + plain.length)).toBe(true)
  expect(Buffer.from(memory.bytes.subarray(22, 22 + plain.length))).toEqual(plain)
  sealer.free()
  opener.free()
})

it('RFC 2202 section 3: computes HMAC-SHA1', () => {
  const memory = new NativeMemory(256)
  memory.bytes.set(Buffer.from('what do ya want for nothing?'), 5)
  const code = new HmacSha1(Buffer.from('Jefe')).compute(memory, 5, 28)
  expect(Buffer.from(code).toString('hex')).toBe('effcdf6ae5eb2fa2d27416d5f184df9c259a7c79')
})
