/** What a second publisher does to a stream that has one, seen by a viewer that stays. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { SessionRequestError } from '../../src/signalling/session-client.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer, type LibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { startUdpRelay } from '../support/udp-relay.ts'
import { waitFor } from '../support/wait.ts'

const pictures = (viewer: LibdatachannelViewer, count: number) => {
  const target = viewer.video.markers + count
  return waitFor(
    `${count} more pictures`,
    () => viewer.video.markers >= target,
    {},
    () => viewer.video,
  )
}

describe('a second publisher', () => {
  let refusing: Gateway
  let replacing: Gateway
  beforeAll(async () => {
    ;[refusing, replacing] = await Promise.all([
      startGateway(),
      startGateway({ args: ['--takeover', 'replace'] }),
    ])
  })
  afterAll(() => Promise.all([refusing.stop(), replacing.stop()]))

  test('comes in a few seconds after the first one crashed, long before its consent expires', async ({
    keep,
  }) => {
    const url = refusing.whipUrl('crashed')
    const relay = await keep(startUdpRelay({ seed: 3 }))
    await keep(startLibdatachannelPublisher({ url, editAnswer: relay.rewriteAnswer }))
    const viewer = await keep(startLibdatachannelViewer({ url: refusing.whepUrl('crashed'), codec: 'H264' }))
    await pictures(viewer, 30)
    const startSecond = () => keep(startLibdatachannelPublisher({ url }))
    await expect(startSecond()).rejects.toMatchObject({ status: 409, code: 'already-published' })

    relay.setDark(true)
    await waitFor(
      'the second publisher to be let in',
      async () => {
        try {
          await startSecond()
          return true
        } catch (error) {
          if (error instanceof SessionRequestError && error.status === 409) return false
          throw error
        }
      },
      { timeoutMs: 8_000, intervalMs: 250 },
    )
    await pictures(viewer, 30)
    expect(viewer.video).toMatchObject({ duplicates: 0, timestampRegressions: 0 })
  })

  test('replaces the first where that is configured, whose session ends as replaced', async ({ keep }) => {
    const url = replacing.whipUrl('replaced')
    const first = await keep(startLibdatachannelPublisher({ url }))
    const viewer = await keep(
      startLibdatachannelViewer({ url: replacing.whepUrl('replaced'), codec: 'H264' }),
    )
    await pictures(viewer, 30)
    await keep(startLibdatachannelPublisher({ url }))
    await waitFor('close_notify', () => first.states.includes('closed'))
    await pictures(viewer, 30)
    expect(viewer.video).toMatchObject({ duplicates: 0, timestampRegressions: 0 })
    const id = first.session.url.split('/').at(-1)
    expect(
      replacing.log().find((line) => line['event'] === 'session-ended' && line['session'] === id),
    ).toMatchObject({ reason: 'replaced' })
  })
})
