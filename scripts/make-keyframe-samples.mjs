/**
 * Makes the RTP samples of real encoders that the keyframe tests read: `node scripts/make-keyframe-
 * samples.mjs [ffmpeg]`.
 *
 * Each sample is 12 frames with a keyframe at frames 0, 5 and 10, sent by FFmpeg's own packetisers, as
 * packets framed by their length in 16 bits (RFC 4571). FFmpeg has no AV1 packetiser before version 8, so
 * that one is done here.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ffmpeg = process.argv[2] ?? 'ffmpeg'
const folder = fileURLToPath(new URL('../spec-tests/payload-formats/samples/', import.meta.url))
/** Small, so that keyframes are fragmented and the small frames are not. */
const packetBytes = 300
const firstSequenceNumber = 65_530
const gop = ['-g', '5', '-keyint_min', '5', '-bf', '0', '-threads', '1']
const source = ['-f', 'lavfi', '-i', 'testsrc2=size=96x64:rate=15', '-frames:v', '12', '-pix_fmt', 'yuv420p']

const samples = {
  h264: [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-crf',
    '35',
    '-x264-params',
    'repeat-headers=1:scenecut=0',
    ...gop,
  ],
  'h264-slices': [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-crf',
    '35',
    '-x264-params',
    'repeat-headers=1:scenecut=0:slices=3:aud=1',
    ...gop,
  ],
  h265: [
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-crf',
    '35',
    '-x265-params',
    'repeat-headers=1:scenecut=0:keyint=5:min-keyint=5:bframes=0:info=0:log-level=none',
    ...gop,
  ],
  vp8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-b:v', '100k', '-lag-in-frames', '0', ...gop],
  vp9: [
    '-c:v',
    'libvpx-vp9',
    '-deadline',
    'realtime',
    '-b:v',
    '100k',
    '-lag-in-frames',
    '0',
    '-strict',
    'experimental',
    ...gop,
  ],
}
const av1 = [
  '-c:v',
  'libaom-av1',
  '-usage',
  'realtime',
  '-cpu-used',
  '8',
  '-crf',
  '50',
  '-b:v',
  '0',
  '-lag-in-frames',
  '0',
  ...gop,
]

for (const [name, encoder] of Object.entries(samples)) write(name, await record(encoder))
write('av1', await packetiseAv1(av1))

function write(name, packets) {
  const bytes = Buffer.concat(packets.flatMap((packet) => [uint16(packet.length), packet]))
  writeFileSync(join(folder, `${name}.rtp`), bytes)
  console.log(`${name}: ${packets.length} packets, ${bytes.length} bytes`)
}

function uint16(value) {
  return Buffer.of(value >> 8, value & 0xff)
}

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(ffmpeg, ['-v', 'error', '-y', ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`ffmpeg ended with ${code}`))))
  })
}

async function record(encoder) {
  const packets = []
  const socket = createSocket('udp4')
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve))
  socket.on('message', (packet) => {
    const isRtcp = packet[1] >= 192 && packet[1] <= 223
    if (!isRtcp) packets.push(packet)
  })
  const { port } = socket.address()
  const url = `rtp://127.0.0.1:${port}?rtcpport=${port}&pkt_size=${packetBytes}`
  const muxer = ['-fflags', '+bitexact', '-f', 'rtp', '-ssrc', '1', '-seq', String(firstSequenceNumber), url]
  // At the pace of playback, so that the socket's buffer never overflows.
  await run(['-re', ...source, ...encoder, ...muxer])
  await setImmediate()
  await new Promise((resolve) => socket.close(resolve))
  const frames = new Set(packets.map((packet) => packet.readUInt32BE(4))).size
  if (frames !== 12) throw new Error(`${frames} frames arrived instead of 12`)
  return packets
}

/**
 * One OBU element per packet, as large ones are fragmented (AOMedia: RTP Payload Format for AV1, section
 * 4.4).
 */
async function packetiseAv1(encoder) {
  const temporary = mkdtempSync(join(tmpdir(), 'whipway-av1-'))
  const file = join(temporary, 'sample.obu')
  await run([...source, ...encoder, '-fflags', '+bitexact', '-f', 'obu', file])
  const units = temporalUnits(readFileSync(file))
  rmSync(temporary, { recursive: true })

  const packets = []
  let sequenceNumber = firstSequenceNumber
  units.forEach((obus, frame) => {
    const fragments = []
    for (const obu of obus) {
      for (let at = 0; at < obu.length; at += packetBytes) {
        const end = Math.min(at + packetBytes, obu.length)
        fragments.push({ continues: at > 0, continued: end < obu.length, bytes: obu.subarray(at, end) })
      }
    }
    const isNewSequence = obus.some((obu) => ((obu[0] >> 3) & 15) === 1)
    fragments.forEach(({ continues, continued, bytes }, i) => {
      const header = Buffer.alloc(13)
      header[0] = 0x80
      header[1] = (i === fragments.length - 1 ? 0x80 : 0) | 96
      header.writeUInt16BE(sequenceNumber++ & 0xffff, 2)
      header.writeUInt32BE(frame * 6000, 4)
      header.writeUInt32BE(1, 8)
      // Z, Y, W = 1 (one element, without a length), N
      header[12] =
        (continues ? 0x80 : 0) | (continued ? 0x40 : 0) | 0x10 | (isNewSequence && i === 0 ? 0x08 : 0)
      packets.push(Buffer.concat([header, bytes]))
    })
  })
  return packets
}

/**
 * The OBUs of each temporal unit without their size fields; the temporal delimiters are left out, as the
 * format demands.
 */
function temporalUnits(bytes) {
  const units = []
  for (let at = 0; at < bytes.length;) {
    const header = bytes[at]
    const hasExtension = (header & 4) !== 0
    let sizeAt = at + (hasExtension ? 2 : 1)
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[sizeAt++]
      size |= (byte & 0x7f) << shift
      if ((byte & 0x80) === 0) break
    }
    const obuHeader = hasExtension ? [header & ~2, bytes[at + 1]] : [header & ~2]
    const isDelimiter = ((header >> 3) & 15) === 2
    if (isDelimiter) units.push([])
    else units.at(-1).push(Buffer.concat([Buffer.from(obuHeader), bytes.subarray(sizeAt, sizeAt + size)]))
    at = sizeAt + size
  }
  return units
}
