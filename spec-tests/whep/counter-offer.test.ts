/** draft-ietf-wish-whep section 4.3: players that do not offer, or not what there is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing, testUnixTimeMs } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

let wing: ControlWing
beforeEach(async () => {
  wing = await startControlWing()
  await wing.open('/whip/live', publishOffer())
})
afterEach(() => wing.stop())

const ask = (headers: Record<string, string> = {}, body?: string) =>
  wing.request('/whep/live', { method: 'POST', headers, ...(body !== undefined && { body }) })

async function counterOffer() {
  const response = await ask()
  expect(response.status).toBe(406)
  return { location: response.headers.get('Location') ?? '', response, offer: await response.text() }
}

/** What a player answers: the offer's m-sections, received, with its own transport. */
const answerTo = (offer: string, edit: (answer: string) => string = (answer) => answer) =>
  edit(
    offer
      .split('\r\n')
      .filter((line) => !/^a=(ice-lite|candidate|end-of|ssrc|msid|rtcp-mux-only)/.test(line))
      .join('\r\n')
      .replaceAll(/^a=ice-ufrag:.*$/gm, 'a=ice-ufrag:player')
      .replaceAll(/^a=ice-pwd:.*$/gm, 'a=ice-pwd:passwordOfThePlayerIsLong')
      .replaceAll('a=sendonly', 'a=recvonly')
      .replaceAll('a=setup:actpass', 'a=setup:active'),
  )

const complete = (location: string, answer: string) =>
  wing.request(location, { method: 'PATCH', headers: { 'Content-Type': 'application/sdp' }, body: answer })

const openedViewers = () => wing.commands.filter((command) => command.type === 'open-viewer')

describe('a player that posts nothing', () => {
  test('is answered 406 with a sendonly offer of what is published, its URL and how long it is valid', async () => {
    const { response, location, offer } = await counterOffer()
    expect(location).toMatch(/^\/whep\/live\/[0-9a-f-]{36}$/)
    expect(response.headers.get('Content-Type')).toBe(
      `application/sdp; valid-until="${new Date(testUnixTimeMs + 30_000).toUTCString()}"`,
    )
    expect(response.headers.get('Content-Length')).toBe(String(Buffer.byteLength(offer)))
    expect(offer.match(/^a=sendonly\r$/gm)).toHaveLength(2)
    expect(offer.match(/^a=setup:actpass\r$/gm)).toHaveLength(2)
    expect(offer).toContain('a=rtpmap:96 H264/90000')
    expect(offer).toContain('a=rtpmap:111 opus/48000/2')
    expect(offer).toContain('a=group:BUNDLE 0 1')
    expect(openedViewers()).toEqual([])
  })

  test('plays once its answer came by PATCH, by the roles and payload types of it', async () => {
    const { location, offer } = await counterOffer()
    const response = await complete(location, answerTo(offer))
    expect(response.status).toBe(204)
    expect(await response.text()).toBe('')
    const ssrc = (mid: number) => Number(/^a=ssrc:(\d+)/m.exec(offer.split('\r\nm=')[mid + 1] ?? '')?.[1])
    expect(openedViewers()).toMatchObject([
      {
        session: location.split('/').at(-1),
        transport: {
          remoteUfrag: 'player',
          remotePassword: 'passwordOfThePlayerIsLong',
          dtlsRole: 'server',
          localUfrag: /^a=ice-ufrag:(.*)\r$/m.exec(offer)?.[1],
        },
        tracks: [
          { kind: 'audio', codec: 'opus', payloadType: 111, ssrc: ssrc(0) },
          { kind: 'video', codec: 'H264', payloadType: 96, rtxPayloadType: 97, ssrc: ssrc(1) },
        ],
      },
    ])
  })

  test('may answer that it waits for our ClientHello', async () => {
    const { location, offer } = await counterOffer()
    const passive = answerTo(offer, (answer) => answer.replaceAll('a=setup:active', 'a=setup:passive'))
    expect((await complete(location, passive)).status).toBe(204)
    expect(openedViewers()).toMatchObject([{ transport: { dtlsRole: 'client' } }])
  })

  test('may leave out the sound, and the picture keeps its SSRC', async () => {
    const { location, offer } = await counterOffer()
    const answer = answerTo(offer, (text) =>
      text.replace(/^m=audio \d+/m, 'm=audio 0').replace('BUNDLE 0 1', 'BUNDLE 1'),
    )
    expect((await complete(location, answer)).status).toBe(204)
    const ssrc = Number(/^a=ssrc:(\d+)/m.exec(offer.split('\r\nm=')[2] ?? '')?.[1])
    expect(openedViewers()).toMatchObject([{ tracks: [{ kind: 'video', ssrc }] }])
  })

  test('may leave out RTX', async () => {
    const { location, offer } = await counterOffer()
    const answer = answerTo(offer, (text) =>
      text.replace(/^(m=video .*) 97\r$/m, '$1\r').replace(/^a=(rtpmap|fmtp):97 .*\r\n/gm, ''),
    )
    expect((await complete(location, answer)).status).toBe(204)
    const [, video] = openedViewers()[0]?.tracks ?? []
    expect(video).toMatchObject({ kind: 'video', payloadType: 96 })
    expect(video).not.toHaveProperty('rtxSsrc')
    expect(video).not.toHaveProperty('rtxPayloadType')
  })

  test('can trickle and restart after that, not before', async () => {
    const { location, offer } = await counterOffer()
    const trickle = () =>
      wing.request(location, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/trickle-ice-sdpfrag' },
        body: 'a=ice-ufrag:player\r\na=ice-pwd:passwordOfThePlayerIsLong\r\n',
      })
    const early = await trickle()
    expect(early.status).toBe(422)
    expect(await early.json()).toMatchObject({ code: 'no-counter-offer' })
    await complete(location, answerTo(offer))
    expect((await trickle()).status).toBe(204)
  })

  test('has its offer taken back when the time is over', async () => {
    const before = wing.streams.size
    const { location, offer } = await counterOffer()
    wing.clock.advance(29_999)
    expect((await wing.request(location)).status).toBe(200)
    wing.clock.advance(1)
    expect((await complete(location, answerTo(offer))).status).toBe(404)
    expect(wing.streams.size).toEqual(before)
    expect(wing.clock.pending()).toBe(0)
  })

  test('that answered is not ended when the time is over', async () => {
    const { location, offer } = await counterOffer()
    await complete(location, answerTo(offer))
    wing.clock.advance(60_000)
    expect((await wing.request(location)).status).toBe(200)
  })

  test('can delete it instead', async () => {
    const { location } = await counterOffer()
    expect((await wing.request(location, { method: 'DELETE' })).status).toBe(200)
    expect(wing.clock.pending()).toBe(0)
  })

  test('is answered 409 without a publisher, and on a WHIP endpoint 415', async () => {
    expect((await wing.request('/whep/nobody', { method: 'POST' })).status).toBe(409)
    expect((await wing.request('/whip/live', { method: 'POST' })).status).toBe(415)
  })
})

describe('an answer is refused, and can be sent again, when it', () => {
  test.each<[string, (answer: string) => string, number]>([
    ['is no SDP', () => 'nonsense', 400],
    ['sends', (answer) => answer.replaceAll('a=recvonly', 'a=sendonly'), 422],
    ['has another payload type', (answer) => answer.replaceAll(/\b96\b/g, '100'), 422],
    [
      'has an m-section that was not offered',
      (answer) => answer.replaceAll(/\bmid:1\b/g, 'mid:9').replace('BUNDLE 0 1', 'BUNDLE 0 9'),
      422,
    ],
    ['has no credentials', (answer) => answer.replaceAll(/^a=ice-.*\r\n/gm, ''), 400],
  ])('%s', async (_, edit, status) => {
    const { location, offer } = await counterOffer()
    expect((await complete(location, answerTo(offer, edit))).status).toBe(status)
    expect(openedViewers()).toEqual([])
    expect((await complete(location, answerTo(offer))).status).toBe(204)
  })

  test('comes a second time', async () => {
    const { location, offer } = await counterOffer()
    await complete(location, answerTo(offer))
    const again = await complete(location, answerTo(offer))
    expect(again.status).toBe(422)
    expect(await again.json()).toMatchObject({ code: 'no-counter-offer' })
    expect(openedViewers()).toHaveLength(1)
  })

  test('comes to a session whose viewer has made the offer', async () => {
    const location = await wing.open('/whep/live', playOffer())
    expect((await complete(location, playOffer())).status).toBe(422)
  })
})

describe('an offer without the codec of the publisher', () => {
  const offer = playOffer({ video: 'VP8' })

  test('gets a counter-offer where SDP is accepted by name', async () => {
    for (const Accept of ['application/sdp', 'application/problem+json, application/sdp;q=0.5']) {
      const response = await ask({ Accept, 'Content-Type': 'application/sdp' }, offer)
      expect(response.status).toBe(406)
      expect(await response.text()).toContain('H264')
    }
  })

  test.each(['*/*', 'application/problem+json', 'application/sdpx'])(
    'is refused by 422 with Accept: %s',
    async (Accept) => {
      const response = await ask({ Accept, 'Content-Type': 'application/sdp' }, offer)
      expect(response.status).toBe(422)
      expect(await response.json()).toMatchObject({ code: 'codec-mismatch' })
    },
  )
})
