/** DTLS in both roles: FFmpeg offers `setup:passive` and then waits for our ClientHello, others offer `active` (RFC 8842 section 5). */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { startLibwebrtcPublisher } from '../support/libwebrtc-publisher.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { expectDecoding, expectPackets } from '../support/viewers.ts'

type Setup = 'actpass' | 'active' | 'passive'

/** The clients offered `actpass`, so they take either role, whatever was posted. */
const offering = (setup: Setup) => (offer: string) => offer.replaceAll('a=setup:actpass', `a=setup:${setup}`)

/** What the gateway has to answer: it waits for the ClientHello wherever the offer allows. */
const roles = [
  { offered: 'actpass', answered: 'passive' },
  { offered: 'active', answered: 'passive' },
  { offered: 'passive', answered: 'active' },
] as const

describe('DTLS roles', () => {
  let gateway: Gateway

  beforeAll(async () => {
    gateway = await startGateway()
  })
  afterAll(() => gateway.stop())

  test.for(roles)('offer of setup:$offered: libdatachannel publishes and plays', async (role, { keep }) => {
    const stream = `libdatachannel-${role.offered}`
    const editOffer = offering(role.offered)
    const publisher = await keep(startLibdatachannelPublisher({ url: gateway.whipUrl(stream), editOffer }))
    const viewer = await keep(
      startLibdatachannelViewer({ url: gateway.whepUrl(stream), codec: 'H264', editOffer }),
    )
    expect(publisher.session.answer).toContain(`a=setup:${role.answered}\r\n`)
    expect(viewer.session.answer).toContain(`a=setup:${role.answered}\r\n`)
    await expectPackets(viewer, { frames: 60 })
  })

  test.for(roles)('offer of setup:$offered: libwebrtc publishes and plays', async (role, { keep }) => {
    const stream = `libwebrtc-${role.offered}`
    const editOffer = offering(role.offered)
    const publisher = await keep(startLibwebrtcPublisher({ url: gateway.whipUrl(stream), editOffer }))
    const viewer = await keep(startLibwebrtcViewer({ url: gateway.whepUrl(stream), editOffer }))
    expect(publisher.session.answer).toContain(`a=setup:${role.answered}\r\n`)
    await expectDecoding(viewer, { frames: 25, frameSize: '320x240' })
  })

  test('a publisher whose certificate is not the one in its offer gets no media through', async ({
    keep,
  }) => {
    const wrong = (offer: string) =>
      offer.replace(/^(a=fingerprint:sha-256 )(..)/m, (_, name: string, first: string) => {
        return name + (first === '00' ? '11' : '00')
      })
    const publishing = startLibdatachannelPublisher({
      url: gateway.whipUrl('impostor'),
      editOffer: wrong,
      connectTimeoutMs: 4_000,
    })
    await expect(keep(publishing)).rejects.toThrow(/to connect|to open/)
  })
})
