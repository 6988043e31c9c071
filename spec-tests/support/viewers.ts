/** Waits until a viewer of each kind has played well, and says what "well" is: pictures, sound and nothing lost. */
import { expect } from 'vitest'
import type { ChromiumPeer, PlayerStatistics } from './chromium.ts'
import type { LibdatachannelViewer } from './libdatachannel-viewer.ts'
import { readNumber, type LibwebrtcViewer } from './libwebrtc-viewer.ts'
import { waitFor } from './wait.ts'

export interface Expectations {
  /** Pictures that must have been played. */
  readonly frames: number
  /** Such as '640x360'; not looked at where the encoder may scale it down. */
  readonly frameSize?: string
  readonly timeoutMs?: number
}

/** libdatachannel hands over packets, so every one of them is accounted for: both codecs' own loss, order and time. */
export async function expectPackets(
  viewer: LibdatachannelViewer,
  { frames, timeoutMs = 20_000 }: Expectations,
): Promise<void> {
  const { video, audio } = viewer
  await waitFor(
    `${frames} pictures, a keyframe and sender reports at a libdatachannel viewer`,
    // The first pictures come faster than in real time, sound does not: both count.
    () =>
      video.markers >= frames && audio.packets > frames && video.keyframes > 0 && viewer.senderReports() >= 2,
    { timeoutMs },
    () => ({ video, audio, senderReports: viewer.senderReports() }),
  )
  expect(video).toMatchObject({ lost: 0, duplicates: 0, timestampRegressions: 0 })
  expect(audio).toMatchObject({ lost: 0, duplicates: 0, timestampRegressions: 0 })
  expect(video.ssrcs.size).toBe(1)
  expect(audio.ssrcs.size).toBe(1)
}

/** libwebrtc decodes: pictures of the right size, a tone that can be heard. */
export async function expectDecoding(
  viewer: LibwebrtcViewer,
  { frames, frameSize, timeoutMs = 20_000 }: Expectations,
): Promise<void> {
  await waitFor(
    `${frames} decoded pictures and sound at a libwebrtc viewer`,
    () => viewer.frames() >= frames && viewer.audioPower() > 0.001,
    { timeoutMs },
    async () => ({
      frames: viewer.frames(),
      audioPower: viewer.audioPower(),
      report: await viewer.statistics(),
    }),
  )
  if (frameSize !== undefined) expect(viewer.frameSize()).toBe(frameSize)
  const report = await viewer.statistics()
  expect(readNumber(report, 'inbound-rtp', 'video', 'packetsLost')).toBe(0)
  expect(readNumber(report, 'inbound-rtp', 'audio', 'packetsLost')).toBe(0)
}

/**
 * Chromium decodes and reports; returns what it reported. The pictures must have come in one go, without a freeze (a gap of 150 ms
 * or more): a busy machine may stall a browser now and then, a gateway that does would not get so far before the deadline.
 */
export async function expectPlaying(
  viewer: ChromiumPeer<PlayerStatistics>,
  { frames, frameSize, timeoutMs = 20_000 }: Expectations,
): Promise<PlayerStatistics> {
  const statistics = await expectSmoothPictures(viewer, frames, timeoutMs)
  expect(statistics).toMatchObject({ packetsLost: 0, audioPacketsLost: 0 })
  if (frameSize !== undefined) expect(statistics.frameSize).toBe(frameSize)
  return statistics
}

/** The same for a link that loses packets: they are repaired before they are missed. */
export async function expectSmoothPictures(
  viewer: ChromiumPeer<PlayerStatistics>,
  frames: number,
  timeoutMs: number,
): Promise<PlayerStatistics> {
  let stretch = { freezeCount: 0, start: 0 }
  return waitFor(
    `${frames} pictures without a freeze, and sound, in Chromium`,
    async () => {
      const current = await viewer.statistics()
      const { framesDecoded, freezeCount } = current
      if (freezeCount > stretch.freezeCount) stretch = { freezeCount, start: framesDecoded }
      return framesDecoded - stretch.start >= frames && current.totalAudioEnergy > 0.001 && current
    },
    { timeoutMs, intervalMs: 200 },
    () => viewer.statistics(),
  )
}
