/** The checker that the other tests lean on finds what is wrong with an answer. */
import { expect, it } from 'vitest'
import { answerFaults } from '../support/jsep-answer.ts'
import { edited, play, publish, readOffer } from '../sdp-offers/offers.ts'

const simulcast = readOffer('obs-simulcast')
const chromium = readOffer('chromium-publish')
const player = readOffer('chromium-play-H264')
const media = publish(chromium).media

const toSimulcast = (pattern: RegExp, replacement: string) =>
  answerFaults(simulcast, edited(publish(simulcast).answer, pattern, replacement))
const toChromium = (pattern: RegExp, replacement: string) =>
  answerFaults(chromium, edited(publish(chromium).answer, pattern, replacement))
const toPlayer = (pattern: RegExp, replacement: string) =>
  answerFaults(player, edited(play(player, media).answer, pattern, replacement))

it.each<[string, string[]]>([
  ['does not begin with v=0', toChromium(/^v=0/, 'v=1')],
  ['has a line that does not end in CRLF', toChromium(/^t=0 0\r$/, 't=0 0')],
  ['does not say that it is ICE-lite', toChromium(/^a=ice-lite\r\n/, '')],
  ['promises to trickle', toChromium(/^a=ice-options:ice2/, 'a=ice-options:ice2,trickle')],
  ['has another number of m-sections', toChromium(/^m=video[^]*/, '')],
  ['m-section 1 has another mid', toChromium(/^a=mid:1/, 'a=mid:2')],
  ['m-section 1 has another media type or protocol', toChromium(/^m=video (\d+) UDP/, 'm=video $1 TCP')],
  ['m-section 0 has formats that were not offered', toChromium(/^m=audio (.*) 111/, 'm=audio $1 112')],
  ['m-section 0 receives what the offerer does not send', toPlayer(/^a=sendonly/, 'a=sendrecv')],
  ['m-section 0 sends what the offerer does not receive', toChromium(/^a=recvonly/, 'a=sendonly')],
  ['m-section 1 format 96 has another encoding', toChromium(/^a=rtpmap:96 VP8/, 'a=rtpmap:96 VP9')],
  ['m-section 1 format 96 has another mode', toSimulcast(/packetization-mode=1/, 'packetization-mode=0')],
  [
    'm-section 1 format 96 has another profile',
    toSimulcast(/profile-level-id=42e0/, 'profile-level-id=6400'),
  ],
  ['m-section 1 accepts more than one codec', toChromium(/^m=video (.*) 96 97/, 'm=video $1 96 97 98')],
  ['m-section 1 RTX 97 is for another format', toChromium(/apt=96/, 'apt=98')],
  [
    'm-section 1 has feedback that was not offered',
    toSimulcast(/^a=rtcp-fb:96 nack pli/, 'a=rtcp-fb:96 ccm fir'),
  ],
  [
    'm-section 1 extension 14 urn:3gpp:video-orientation was not offered',
    toChromium(/extmap:13/, 'extmap:14'),
  ],
  ['m-section 0 has the wrong DTLS role', toChromium(/^a=setup:passive/, 'a=setup:actpass')],
  ['m-section 0 does not multiplex RTCP', toChromium(/^a=rtcp-mux\r\n/, '')],
  ['m-section 0 differs in rtcp-rsize', toChromium(/^a=rtcp-rsize\r\n/, '')],
  ['m-section 0 has no ICE password', toChromium(/^a=ice-pwd:.*\r\n/, '')],
  ['m-section 0 has no fingerprint', toChromium(/(?<=^m=audio[^]*)a=fingerprint:.*\r\n/, '')],
  ['m-section 0 has a candidate that is no UDP host candidate', toChromium(/typ host/, 'typ srflx')],
  ['m-section 0 does not end its candidates', toChromium(/^a=end-of-candidates\r\n/, '')],
  ['m-section 1 has other simulcast streams', toSimulcast(/recv 0;1;2/, 'recv 0;1')],
  ['m-section 1 has other rids than simulcast streams', toSimulcast(/^a=rid:1 recv\r\n/, '')],
  ['m-section 0 names sources though it does not send', toPlayer(/^a=sendonly/, 'a=inactive')],
  ['m-section 0 has tracks of several streams', toPlayer(/^a=msid:stream /, 'a=msid:other ')],
  ['m-section 1 has not one SSRC for media and one for RTX', toPlayer(/^a=ssrc-group:.*\r\n/, '')],
  ['bundles other m-sections, or in another order', toChromium(/BUNDLE 0 1/, 'BUNDLE 1 0')],
  ['accepts an m-section outside of the bundle', toChromium(/BUNDLE 0 1/, 'BUNDLE 0')],
  ['m-section 0 is refused but not inactive', toChromium(/^m=audio 8080/, 'm=audio 0')],
])('a fault: %s', (fault, found) => {
  expect(found).toContain(fault)
})
