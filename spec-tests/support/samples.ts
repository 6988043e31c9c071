/** The committed media samples (scripts/make-media-samples.mjs says how they were made), cut into what one RTP timestamp carries. */
import { readFileSync } from 'node:fs'

/** H.264 access units in Annex B form with long start codes; 640 x 360, 30 frames per second, a keyframe each 60. */
export const h264Sample = {
  width: 640,
  height: 360,
  frameRate: 30,
  load: (): readonly Buffer[] => splitAccessUnits(readSample('test-picture-640x360.h264')),
}

/** Pictures that tell their number, with one keyframe in 4 s (scripts/make-media-samples.mjs says where the number is). */
export const numberedH264Sample = {
  ...h264Sample,
  load: (): readonly Buffer[] => splitAccessUnits(readSample('numbered-640x360-keyframe-4s.h264')),
}

/** The same in VP8. */
export const numberedVp8Sample = {
  ...h264Sample,
  load: (): readonly Buffer[] => splitIvf(readSample('numbered-640x360-keyframe-4s.vp8.ivf')),
}

/** Opus packets of 20 ms each, stereo: a tone of 440 Hz. */
export const opusSample = {
  packetMs: 20,
  load: (): readonly Buffer[] => splitPackets(readSample('tone-440hz.opus-packets')),
}

function readSample(name: string): Buffer {
  return readFileSync(new URL(`../samples/${name}`, import.meta.url))
}

/** The sample has one slice a picture, so a slice NAL unit (type 1 or 5) ends an access unit. */
function splitAccessUnits(bytes: Buffer): readonly Buffer[] {
  const startCode = Buffer.from([0, 0, 0, 1])
  const units: Buffer[] = []
  let pending: Buffer[] = []
  for (const nalUnit of splitNalUnits(bytes)) {
    pending.push(startCode, nalUnit)
    const type = (nalUnit[0] ?? 0) & 0x1f
    if (type !== 1 && type !== 5) continue
    units.push(Buffer.concat(pending))
    pending = []
  }
  return units
}

/** IVF: a header of 32 bytes, then each frame behind its length (32 bits, little-endian) and time (64 bits). */
function splitIvf(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let offset = 32; offset < bytes.length;) {
    const length = bytes.readUInt32LE(offset)
    frames.push(bytes.subarray(offset + 12, offset + 12 + length))
    offset += 12 + length
  }
  return frames
}

function splitNalUnits(bytes: Buffer): readonly Buffer[] {
  const shortStartCode = Buffer.from([0, 0, 1])
  const units: Buffer[] = []
  let start = bytes.indexOf(shortStartCode)
  while (start >= 0) {
    const next = bytes.indexOf(shortStartCode, start + 3)
    const end = next < 0 ? bytes.length : bytes[next - 1] === 0 ? next - 1 : next
    units.push(bytes.subarray(start + 3, end))
    start = next
  }
  return units
}

function splitPackets(bytes: Buffer): readonly Buffer[] {
  const packets: Buffer[] = []
  for (let offset = 0; offset < bytes.length;) {
    const length = bytes.readUInt16BE(offset)
    packets.push(bytes.subarray(offset + 2, offset + 2 + length))
    offset += 2 + length
  }
  return packets
}
