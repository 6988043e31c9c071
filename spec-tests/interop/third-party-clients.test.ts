/** WHIP and WHEP clients of others, unmodified: they publish, play, mute, restart ICE and stop. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { summarisePlayer, summarisePublisher } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import {
  startThirdPartyClients,
  type ThirdPartyClient,
  type ThirdPartyClients,
} from '../support/third-party-clients.ts'
import { waitFor } from '../support/wait.ts'

const publishers = ['whip-whep publisher', '@eyevinn/whip-web-client'] as const
const players = ['whip-whep player', '@eyevinn/webrtc-player'] as const
const publishToken = 'third-party-publish'
const playToken = 'third-party-play'

const framesDecoded = async (player: ThirdPartyClient) =>
  summarisePlayer(await player.statistics()).framesDecoded

async function expectFrames(player: ThirdPartyClient, more: number): Promise<void> {
  const before = await framesDecoded(player)
  await waitFor(
    `${more} more frames`,
    async () => (await framesDecoded(player)) >= before + more,
    { timeoutMs: 20_000, intervalMs: 100 },
    async () => ({ requests: player.requests, ...summarisePlayer(await player.statistics()) }),
  )
}

async function expectPublishing(publisher: ThirdPartyClient): Promise<void> {
  await waitFor(
    'media leaves the publisher',
    async () => summarisePublisher(await publisher.statistics()).bytesSent > 10_000,
    { timeoutMs: 20_000, intervalMs: 100 },
    async () => ({ requests: publisher.requests, ...summarisePublisher(await publisher.statistics()) }),
  )
}

describe('clients of others', () => {
  let gateway: Gateway
  let clients: ThirdPartyClients

  beforeAll(async () => {
    const args = ['--publish-token', publishToken, '--play-token', playToken]
    ;[gateway, clients] = await Promise.all([startGateway({ args }), startThirdPartyClients()])
  })
  afterAll(async () => {
    await clients.stop()
    await gateway.stop()
  })

  const streamName = (name: string) => name.replaceAll(/[^A-Za-z0-9]+/g, '-')

  test.for(publishers.flatMap((publisher) => players.map((player) => ({ publisher, player }))))(
    '$publisher is watched by $player; both mute and stop',
    async ({ publisher, player }, { keep }) => {
      const stream = streamName(`${publisher} ${player}`)
      const publishing = await keep(clients.open(publisher, gateway.whipUrl(stream), publishToken))
      await expectPublishing(publishing)
      const playing = await keep(clients.open(player, gateway.whepUrl(stream), playToken))
      await expectFrames(playing, 30)

      // The reference clients POST to the session, which no specification has: it may fail, but the session goes on.
      await playing.mute()
      await expectFrames(playing, 15)
      await publishing.mute()
      await playing.stop()
      await publishing.stop()
      // whip-whep closes its connection first: where that goodbye is faster, the session has ended already.
      await waitFor(
        'both have been deleted',
        () =>
          [playing, publishing].every((client) =>
            client.requests.some((request) => /^DELETE (200|404)$/.test(request)),
          ),
        {},
        () => [playing.requests, publishing.requests],
      )
    },
  )

  // One address, since version 1.2.0 joins the candidates of the answer by commas: with a second one it breaks its own SDP.
  test('whip-whep restarts ICE as publisher and as player, and pictures keep coming', async ({ keep }) => {
    const single = await keep(startGateway({ args: ['--media-address', '127.0.0.1'] }))
    const publisher = await keep(clients.open('whip-whep publisher', single.whipUrl('restart')))
    await expectPublishing(publisher)
    const player = await keep(clients.open('whip-whep player', single.whepUrl('restart')))
    await expectFrames(player, 15)
    for (const client of [publisher, player]) {
      await client.restart()
      expect(client.requests).toContain('PATCH 200')
      await expectFrames(player, 30)
    }
  })

  test.for([...publishers, ...players])('%s is refused without a token', async (name) => {
    const isPublisher = publishers.some((publisher) => publisher === name)
    const url = isPublisher ? gateway.whipUrl('refused') : gateway.whepUrl('refused')
    expect(await clients.postStatus(name, url)).toBe(401)
  })
})
