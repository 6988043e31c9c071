import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecs, type CodecName } from '../../src/media/rtp/codecs.ts'
import { detectKeyframe } from '../../src/media/rtp/payload/keyframe.ts'
import { createVp8Descriptor, parseVp8Descriptor } from '../../src/media/rtp/payload/vp8.ts'
import { createVp9Descriptor, parseVp9Descriptor } from '../../src/media/rtp/payload/vp9.ts'
import { damaged, hex, place, seeded } from '../rfc3550-rtp/packet-bytes.ts'

const vp8 = createVp8Descriptor()
const vp9 = createVp9Descriptor()

function parseVp8(payload: Uint8Array, filler?: number): boolean {
  const { bytes, offset, length } = place(payload, filler)
  return parseVp8Descriptor(bytes, offset, length, vp8)
}

function parseVp9(payload: Uint8Array, filler?: number): boolean {
  const { bytes, offset, length } = place(payload, filler)
  return parseVp9Descriptor(bytes, offset, length, vp9)
}

describe('RFC 7741 section 4.2: the VP8 payload descriptor', () => {
  it('has picture id, TL0PICIDX, temporal layer and key index', () => {
    expect(parseVp8(hex('b3 f0 92 67 05 a9 11'))).toBe(true)
    expect(vp8).toEqual({
      length: 6,
      nonReference: true,
      startOfPartition: true,
      partitionIndex: 3,
      pictureId: 4711,
      pictureIdOffset: 7 + 2,
      pictureIdBits: 15,
      tl0PictureIndex: 5,
      tl0PictureIndexOffset: 7 + 4,
      temporalLayer: 2,
      layerSync: true,
      keyIndex: 9,
    })
  })

  it('has none of them where their bits are 0, and keeps none of the packet before', () => {
    parseVp8(hex('b3 f0 92 67 05 a9 11'))
    expect(parseVp8(hex('00 11'))).toBe(true)
    expect(vp8).toEqual({ ...createVp8Descriptor(), length: 1 })
  })

  it('has a picture id of 7 bits without M', () => {
    expect(parseVp8(hex('90 80 11 10'))).toBe(true)
    expect(vp8).toMatchObject({ length: 3, pictureId: 17, pictureIdOffset: 7 + 2, pictureIdBits: 7 })
  })

  it('gives no layer where only the key index is there', () => {
    expect(parseVp8(hex('90 10 e5 10'))).toBe(true)
    expect(vp8).toMatchObject({ temporalLayer: -1, layerSync: false, keyIndex: 5 })
  })
})

describe('RFC 9628 section 4.2: the VP9 payload descriptor', () => {
  it('has picture id, layers and TL0PICIDX', () => {
    expect(parseVp9(hex('ed 9234 57 09 82'))).toBe(true)
    expect(vp9).toEqual({
      length: 5,
      interPicturePredicted: true,
      flexibleMode: false,
      startOfFrame: true,
      endOfFrame: true,
      notReferenceForUpperLayers: true,
      hasScalabilityStructure: false,
      pictureId: 0x1234,
      pictureIdOffset: 7 + 1,
      pictureIdBits: 15,
      temporalLayer: 2,
      switchingUpPoint: true,
      spatialLayer: 3,
      interLayerPredicted: true,
      tl0PictureIndex: 9,
      tl0PictureIndexOffset: 7 + 4,
    })
  })

  it('has none of them where their bits are 0, and keeps none of the packet before', () => {
    parseVp9(hex('ed 9234 57 09 82'))
    expect(parseVp9(hex('00 82'))).toBe(true)
    expect(vp9).toEqual({ ...createVp9Descriptor(), length: 1 })
  })

  it('has one to three reference indices in flexible mode', () => {
    expect(parseVp9(hex('50 02 82'))).toBe(true)
    expect(vp9.length).toBe(2)
    expect(parseVp9(hex('50 03 05 02 82'))).toBe(true)
    expect(vp9.length).toBe(4)
  })

  it('ends behind the scalability structure', () => {
    expect(parseVp9(hex('0a 58 0140 00b4 0280 0168 0500 02d0 02 04 01 10 82'))).toBe(true)
    expect(vp9).toMatchObject({ hasScalabilityStructure: true, length: 18 })
  })
})

describe('payloads of random and damaged bytes', () => {
  const valid: Partial<Record<CodecName, string[]>> = {
    H264: ['78 0002 6742 0002 68ce 0002 6588', '18 0002 419a 0002 4122', '7c 85 88 84'],
    H265: ['6001 0003 40010c 0003 420101 0003 4401c1', '6001 0003 0201d0 0003 0201d0', '6201 93 af'],
    VP8: ['90 f0 92 67 05 a0 10', '90 80 92 67 11'],
    VP9: ['ae 9234 00 01 58 0140 00b4 0280 0168 0500 02d0 02 04 01 10 82', 'bc 11 00 82'],
    AV1: ['00 02 1200 04 0e 00 01 0b 05 36 00 02 10 00', '20 02 0a0b 30 10'],
  }

  it.each(Object.keys(codecs) as CodecName[])(
    'of %s never throw, and are judged by their own bytes alone',
    (codec) => {
      const packets = (valid[codec] ?? ['f8 ff fe']).map(hex)
      fc.assert(
        fc.property(damaged(...packets), (payload) => {
          const [one, two] = [place(payload, 0x00), place(payload, 0xff)]
          const verdict = detectKeyframe(codec, one.bytes, one.offset, one.length)
          expect(['yes', 'no', 'unknown']).toContain(verdict)
          expect(detectKeyframe(codec, two.bytes, two.offset, two.length)).toBe(verdict)
        }),
        seeded,
      )
    },
  )

  it('have descriptors that end in front of the payload', () => {
    fc.assert(
      fc.property(damaged(...[...(valid.VP8 ?? []), ...(valid.VP9 ?? [])].map(hex)), (payload) => {
        const isVp8 = parseVp8(payload, 0x00)
        expect(parseVp8(payload, 0xff)).toBe(isVp8)
        if (isVp8) expect(vp8.length).toBeLessThan(payload.length)
        const isVp9 = parseVp9(payload, 0x00)
        expect(parseVp9(payload, 0xff)).toBe(isVp9)
        if (isVp9) expect(vp9.length).toBeLessThan(payload.length)
      }),
      seeded,
    )
  })
})
