/** Measures how soon a viewer who joins sees a picture, and how far behind live it is then, with instant start on and off. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startChromium } from '../../spec-tests/support/chromium.ts'
import type { ChromiumHarness, ShownPictures } from '../../spec-tests/support/chromium.ts'
import { startGateway } from '../../spec-tests/support/gateway.ts'
import { startLibdatachannelPublisher } from '../../spec-tests/support/libdatachannel-publisher.ts'
import { startLibwebrtcViewer } from '../../spec-tests/support/libwebrtc-viewer.ts'
import { createRandom } from '../../spec-tests/support/random.ts'
import { behindMs, type Join, summarise } from './summary.ts'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    players: { type: 'string', default: 'chromium-h264,wrtc-vp8' },
    cache: { type: 'string', default: 'on,off' },
    json: { type: 'boolean', default: false },
  },
})

/** The samples' keyframe interval: joins are spread over it. */
const keyframeIntervalMs = 4_000
const joinTimeoutMs = 12_000
/** The delay is compared so long after the POST, or after the first picture where that came later. */
const compareAfterMs = 3_000
const compareAfterPictureMs = 1_500
/** Pictures around that moment. */
const compareWindowMs = 500
/** The first viewer has settled by then. */
const settleMs = 5_000
/** A bound that keeps a mistyped number from taking all day. */
const maxRuns = 200

interface Player {
  shownPictures(): Promise<ShownPictures> | ShownPictures
  stop(): Promise<unknown>
}

const players = {
  'chromium-h264': {
    title: 'Chromium, H.264',
    codec: 'H264',
    play: (whepUrl: string, chromium: ChromiumHarness): Promise<Player> =>
      chromium.play(whepUrl, { watchNumbers: true }),
  },
  'chromium-vp8': {
    title: 'Chromium, VP8',
    codec: 'VP8',
    play: (whepUrl: string, chromium: ChromiumHarness): Promise<Player> =>
      chromium.play(whepUrl, { watchNumbers: true }),
  },
  'wrtc-vp8': {
    title: '@roamhq/wrtc, VP8',
    codec: 'VP8',
    play: (whepUrl: string): Promise<Player> => startLibwebrtcViewer({ url: whepUrl }),
  },
} as const
type PlayerName = keyof typeof players

const runs = Number(options.runs)
if (!Number.isInteger(runs) || runs < 1 || runs > maxRuns) throw new Error(`--runs: 1 to ${maxRuns}`)
const names = options.players.split(',').map((name): PlayerName => {
  if (name in players) return name as PlayerName
  throw new Error(`--players: "${name}" is none of ${Object.keys(players).join(', ')}`)
})

async function join(play: () => Promise<Player>, reference: Player): Promise<Join> {
  const player = await play()
  const { postMs } = await player.shownPictures()
  const deadlineMs = postMs + joinTimeoutMs
  const now = () => performance.timeOrigin + performance.now()
  for (;;) {
    const [first] = (await player.shownPictures()).pictures
    const compareMs = Math.max(postMs + compareAfterMs, (first?.shownMs ?? 0) + compareAfterPictureMs)
    if (first !== undefined && now() > compareMs + compareWindowMs) {
      const { pictures } = await player.shownPictures()
      const referencePictures = (await reference.shownPictures()).pictures
      await player.stop()
      const window = { fromMs: compareMs - compareWindowMs, toMs: compareMs + compareWindowMs }
      return {
        firstPictureMs: first.shownMs - postMs,
        behindMs: behindMs(pictures, referencePictures, window),
      }
    }
    if (now() > deadlineMs) throw new Error('no picture')
    await delay(100)
  }
}

async function measure(name: PlayerName, cache: string, chromium: ChromiumHarness): Promise<Join[]> {
  const { codec, play } = players[name]
  const gateway = await startGateway({ args: ['--instant-start', cache, '--log-level', 'warn'] })
  try {
    const publisher = await startLibdatachannelPublisher({
      url: gateway.whipUrl('bench'),
      numbered: codec,
    })
    const watch = () => play(gateway.whepUrl('bench'), chromium)
    const reference = await watch()
    await delay(settleMs)
    const random = createRandom(runs)
    const joins: Join[] = []
    for (let run = 0; run < runs; run++) {
      // Anywhere between two keyframes.
      await delay((random() * keyframeIntervalMs) | 0)
      joins.push(await join(watch, reference))
    }
    await reference.stop()
    await publisher.stop()
    return joins
  } finally {
    await gateway.stop()
  }
}

const chromium = await startChromium()
try {
  for (const name of names) {
    for (const cache of options.cache.split(',')) {
      const joins = await measure(name, cache, chromium)
      if (options.json) console.log(JSON.stringify({ name, cache, joins }))
      else console.log(`${players[name].title}, instant start ${cache}: ${summarise(joins)}`)
    }
  }
} finally {
  await chromium.stop()
}
// @roamhq/wrtc 0.10 crashes when Node frees its environment, which leaving by this does not wait for.
process.exit()
