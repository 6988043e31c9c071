/** RFC 8827 section 6.5 and RFC 8122 section 5: the certificate and its fingerprint. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { createDtlsCertificate } from '../../src/streams/dtls-certificate.ts'

const nowMs = Date.UTC(2026, 0, 15)

test('is a self-signed ECDSA certificate on P-256 that matches its key', async () => {
  const { certificate, privateKey } = await createDtlsCertificate(nowMs)
  const parsed = new X509Certificate(certificate)
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' })
  expect(parsed.publicKey.asymmetricKeyType).toBe('ec')
  expect(parsed.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
  expect(parsed.checkPrivateKey(key)).toBe(true)
  expect(parsed.verify(parsed.publicKey)).toBe(true)
})

test('is valid a day before and five years after it was made', async () => {
  const parsed = new X509Certificate((await createDtlsCertificate(nowMs)).certificate)
  expect(Date.parse(parsed.validFrom)).toBe(nowMs - 86_400_000)
  expect(Date.parse(parsed.validTo)).toBeGreaterThan(nowMs + 5 * 365 * 86_400_000)
})

test('has the fingerprint that Node computes', async () => {
  const { certificate, fingerprint } = await createDtlsCertificate(nowMs)
  expect(fingerprint).toEqual({
    algorithm: 'sha-256',
    value: new X509Certificate(certificate).fingerprint256,
  })
})

test('two processes have different certificates and serial numbers', async () => {
  const [first, second] = await Promise.all([createDtlsCertificate(nowMs), createDtlsCertificate(nowMs)])
  expect(first.fingerprint.value).not.toBe(second.fingerprint.value)
  expect(new X509Certificate(first.certificate).serialNumber).not.toBe(
    new X509Certificate(second.certificate).serialNumber,
  )
})
