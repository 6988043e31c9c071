import { describe, expect, it } from 'vitest'
import type { CodecName } from '../../src/media/rtp/codecs.ts'
import { detectKeyframe, type KeyframeVerdict } from '../../src/media/rtp/payload/keyframe.ts'
import { hex, place } from '../rfc3550-rtp/packet-bytes.ts'

type Case = [what: string, payload: string, verdict: KeyframeVerdict]

function verdict(codec: CodecName, payload: string): KeyframeVerdict {
  const { bytes, offset, length } = place(hex(payload))
  return detectKeyframe(codec, bytes, offset, length)
}

describe('RFC 6184: an H.264 keyframe', () => {
  const cases: Case[] = [
    ['starts with the first slice of an IDR picture', '65 88 84', 'yes'],
    ['does not start with its second slice', '65 22 84', 'no'],
    ['does not start with a slice of another picture', '41 9a 24', 'no'],
    ['starts with a sequence parameter set alone', '67 42 c0 1f', 'yes'],
    [
      'starts with sets that come in front of the slice in a STAP-A',
      '78 0002 6742 0002 68ce 0002 6588',
      'yes',
    ],
    ['starts with a STAP-A of parameter sets', '18 0002 6742 0002 68ce', 'yes'],
    ['starts with an access unit delimiter in front, in a STAP-A', '18 0002 09f0 0002 6742', 'yes'],
    ['starts with a STAP-A of an IDR slice', '18 0002 0605 0002 6588', 'yes'],
    ['does not start with a STAP-A of other slices', '18 0002 419a 0002 4122', 'no'],
    ['does not start with a picture parameter set alone', '68 ce 3c 80', 'no'],
    ['does not start with SEI alone', '06 05 04', 'no'],
    ['does not start with an access unit delimiter alone', '09 f0', 'no'],
    ['starts with the first fragment of an IDR slice', '7c 85 88 84', 'yes'],
    ['does not start with the first fragment of its second slice', '7c 85 22 84', 'no'],
    ['does not start with a later fragment', '7c 05 88 84', 'no'],
    ['does not start with the last fragment', '7c 45 88 84', 'no'],
    ['does not start with the first fragment of another slice', '5c 81 9a 24', 'no'],
    ['starts with a fragmented sequence parameter set', '7c 87 42 c0', 'yes'],
    ['does not start with a fragment of nothing', '7c 85', 'no'],
    ['does not start with a slice of nothing', '18 0001 65 0002 419a', 'no'],
    ['is unknown in an empty payload', '', 'unknown'],
    ['is unknown in a NAL unit header alone', '65', 'unknown'],
    ['is unknown in a STAP-A that is cut off', '18 0010 4142', 'unknown'],
    ['is unknown in a STAP-A of empty units', '18 0000 0000', 'unknown'],
    ['is unknown in a STAP-A that ends in a byte', '18 0002 419a 00', 'unknown'],
    ['is unknown in the interleaved mode (STAP-B)', '19 0001 0002 6588', 'unknown'],
    ['is unknown in the interleaved mode (FU-B)', '7d 85 0001 88', 'unknown'],
    ['is unknown in undefined types', '60 88 84', 'unknown'],
  ]
  it.each(cases)('%s', (_, payload, expected) => {
    expect(verdict('H264', payload)).toBe(expected)
  })
})

describe('RFC 7798: an H.265 keyframe', () => {
  const cases: Case[] = [
    ['starts with a BLA picture', '2001 af', 'yes'],
    ['starts with an IDR_W_RADL picture', '2601 af', 'yes'],
    ['starts with an IDR_N_LP picture', '2801 af', 'yes'],
    ['starts with a CRA picture', '2a01 af', 'yes'],
    ['does not start with its second slice segment', '2601 2f', 'no'],
    ['does not start with trailing pictures', '0201 d0', 'no'],
    ['does not start with leading pictures', '1001 d0', 'no'],
    ['starts with a video parameter set', '4001 0c', 'yes'],
    ['starts with a sequence parameter set', '4201 01', 'yes'],
    ['does not start with a picture parameter set alone', '4401 c1', 'no'],
    ['does not start with SEI alone', '4e01 05', 'no'],
    [
      'starts with parameter sets in an aggregation packet',
      '6001 0003 40010c 0003 420101 0003 4401c1',
      'yes',
    ],
    ['starts with an IDR slice in an aggregation packet', '6001 0003 4e0105 0003 2601af', 'yes'],
    ['does not start with other slices in an aggregation packet', '6001 0003 0201d0 0003 0201d0', 'no'],
    ['starts with the first fragment of an IDR slice', '6201 93 af', 'yes'],
    ['does not start with the first fragment of its second slice', '6201 93 2f', 'no'],
    ['does not start with a later fragment', '6201 13 af', 'no'],
    ['does not start with the last fragment', '6201 53 af', 'no'],
    ['does not start with the first fragment of another slice', '6201 81 d0', 'no'],
    ['does not start with a fragment of nothing', '6201 93', 'no'],
    ['is unknown in a payload header alone', '2601', 'unknown'],
    ['is unknown in an aggregation packet that is cut off', '6001 0010 0201d0', 'unknown'],
    ['is unknown in an aggregation packet of units without header', '6001 0001 26 0001 26', 'unknown'],
    ['is unknown in PACI packets', '6401 2600 00', 'unknown'],
  ]
  it.each(cases)('%s', (_, payload, expected) => {
    expect(verdict('H265', payload)).toBe(expected)
  })
})

describe('RFC 7741: a VP8 keyframe', () => {
  const cases: Case[] = [
    ['starts where P is 0 at the start of partition 0 (section 4.6.1)', '90 80 11 10', 'yes'],
    ['does not start where P is 1 (section 4.6.2)', '10 11', 'no'],
    ['does not start with partition 1 (section 4.6.3)', '91 80 11 10', 'no'],
    ['does not start with a later fragment (section 4.6.4)', '80 80 11 10', 'no'],
    ['does not start where P is 1 behind a long picture id (section 4.6.5)', '90 80 92 67 11', 'no'],
    ['starts behind a long picture id', '90 80 92 66 10', 'yes'],
    ['starts without descriptor extensions', '10 10', 'yes'],
    ['starts behind all of them', '90 f0 92 67 05 a0 10', 'yes'],
    ['does not start behind all of them where P is 1', '90 f0 92 66 04 a0 11', 'no'],
    ['starts behind a key index alone', '90 10 05 10', 'yes'],
    ['is unknown without a payload', '10', 'unknown'],
    ['is unknown where the descriptor is cut off', '90 f0 92 67 05', 'unknown'],
    ['is unknown where it ends the packet', '90 f0 92 67 05 a0', 'unknown'],
  ]
  it.each(cases)('%s', (_, payload, expected) => {
    expect(verdict('VP8', payload)).toBe(expected)
  })
})

describe('RFC 9628: a VP9 keyframe', () => {
  const cases: Case[] = [
    ['starts with P 0, B 1 and a keyframe header', '8c 11 82', 'yes'],
    ['does not start with P 1', 'cc 11 82', 'no'],
    ['does not start without B', '84 11 82', 'no'],
    ['does not start with an intra-only frame', '8c 11 86', 'no'],
    ['does not start where a frame is shown again', '8c 11 88', 'no'],
    ['starts in profile 3, whose header has a bit more', '8c 11 b1', 'yes'],
    ['does not start with an intra-only frame of profile 3', '8c 11 b2', 'no'],
    ['starts where the payload is encrypted end to end', '8c 11 5a', 'yes'],
    ['starts with the lowest spatial layer', 'ac 11 00 01 82', 'yes'],
    [
      'does not start with a higher spatial layer, which is not predicted from pictures either',
      'ac 11 03 01 82',
      'no',
    ],
    ['starts in flexible mode, without TL0PICIDX', 'bc 11 00 82', 'yes'],
    [
      'starts behind a long picture id and a scalability structure',
      'ae 9234 00 01 58 0140 00b4 0280 0168 0500 02d0 02 04 01 10 82',
      'yes',
    ],
    ['starts behind a structure without sizes and groups', '8e 11 00 82', 'yes'],
    ['is unknown without a payload', '8c 11', 'unknown'],
    ['is unknown where the structure is cut off', '8e 11 58 0140 00b4', 'unknown'],
    ['is unknown with more than three reference indices', 'dc 11 03 03 03 03 82', 'unknown'],
  ]
  it.each(cases)('%s', (_, payload, expected) => {
    expect(verdict('VP9', payload)).toBe(expected)
  })
})

describe('RTP payload format for AV1: a keyframe', () => {
  const cases: Case[] = [
    ['starts with the N bit', '18 0a0b 00', 'yes'],
    ['starts with the N bit, whatever the OBU', '08 02 3210', 'yes'],
    ['does not start with a frame', '10 30 10', 'no'],
    ['starts with a sequence header and a keyframe', '20 02 0a0b 30 10', 'yes'],
    [
      'does not start with a sequence header that is repeated in front of another frame',
      '20 02 0a0b 30 30',
      'no',
    ],
    ['does not start where a frame is shown again', '20 02 0a0b 18 90', 'no'],
    ['starts with a sequence header, its frame in later packets', '10 0a 0b 00', 'yes'],
    ['starts with OBUs that have extension and size', '00 02 1200 04 0e 00 01 0b 05 36 00 02 10 00', 'yes'],
    ['does not start in the middle of an OBU that looks like a header', '90 0a 0b', 'no'],
    ['starts behind the end of another OBU', 'a0 02 ffff 08 0b', 'yes'],
    ['is unknown where the N bit comes in the middle of an OBU', '98 0a 0b', 'unknown'],
    ['is unknown in an aggregation header alone', '18', 'unknown'],
    ['is unknown where an element is cut off', '20 05 0a0b', 'unknown'],
    ['is unknown where a length does not end', '00 ffffffffffffffffff', 'unknown'],
    ['is unknown where a length has more than eight bytes', '00 808080808080808000 02 0a0b', 'unknown'],
    ['starts with a keyframe that has an extension', '20 02 0a0b 34 60 10', 'yes'],
  ]
  it.each(cases)('%s', (_, payload, expected) => {
    expect(verdict('AV1', payload)).toBe(expected)
  })
})

describe('keyframes', () => {
  it.each(['opus', 'multiopus', 'PCMU', 'PCMA', 'G722'] as const)('are unknown to %s', (codec) => {
    expect(verdict(codec, '65 88 84')).toBe('unknown')
  })

  it('are unknown where the length goes beyond the memory', () => {
    expect(detectKeyframe('H264', hex('65 88 84'), 1, 3)).toBe('unknown')
    expect(detectKeyframe('H264', hex('65 88 84'), -1, 3)).toBe('unknown')
  })
})
