// Makes the media samples that the interop tests publish (spec-tests/samples), with ffmpeg; run again only to change them.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const seconds = 4
const samples = new URL('../spec-tests/samples/', import.meta.url).pathname
const scratch = mkdtempSync(join(tmpdir(), 'whipway-samples-'))

mkdirSync(samples, { recursive: true })
try {
  makeH264(join(samples, 'test-picture-640x360.h264'))
  makeLongGroup(
    join(samples, 'numbered-640x360-keyframe-4s.h264'),
    ['-c:v', 'libx264', '-preset', 'medium'],
    'h264',
  )
  makeLongGroup(
    join(samples, 'numbered-640x360-keyframe-4s.vp8.ivf'),
    ['-c:v', 'libvpx', '-deadline', 'good'],
    'ivf',
  )
  makeOpus(join(samples, 'tone-440hz.opus-packets'))
} finally {
  rmSync(scratch, { recursive: true })
}

/** Constrained baseline, 30 fps, one slice a picture, a keyframe with its parameter sets every 2 s: what OBS sends for WHIP. */
function makeH264(path) {
  const picture = [
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=640x360:rate=30:duration=${seconds}`,
    '-pix_fmt',
    'yuv420p',
  ]
  const rate = ['-b:v', '500k', '-maxrate', '500k', '-bufsize', '250k']
  const coding = [
    '-c:v',
    'libx264',
    '-preset',
    'medium',
    '-profile:v',
    'baseline',
    '-level',
    '3.1',
    '-threads',
    '1',
  ]
  const x264 = 'keyint=60:min-keyint=60:scenecut=0:bframes=0:repeat-headers=1:slices=1:aud=0:rc-lookahead=0'
  ffmpeg([
    ...picture,
    ...coding,
    ...rate,
    '-x264-params',
    x264,
    '-bsf:v',
    'filter_units=remove_types=6',
    '-f',
    'h264',
    path,
  ])
}

/**
 * 30 fps, one keyframe in 4 s, and each picture's number, 0 to 119, in seven blocks of 32 x 32 pixels at the top left: white is 1, the lowest bit
 * comes first. By it a viewer can tell which picture it is shown.
 */
function makeLongGroup(path, encoder, format) {
  const bits = [0, 1, 2, 3, 4, 5, 6].map(
    (bit) => `drawbox=x=${32 * bit}:y=0:w=32:h=32:color=white:t=fill:enable='mod(floor(n/${2 ** bit})\\,2)'`,
  )
  const filters = ['drawbox=x=0:y=0:w=224:h=32:color=black:t=fill', ...bits].join(',')
  const x264 = 'keyint=120:min-keyint=120:scenecut=0:bframes=0:repeat-headers=1:slices=1:aud=0:rc-lookahead=0'
  const coding =
    format === 'ivf' ? ['-g', '120', '-auto-alt-ref', '0'] : ['-profile:v', 'baseline', '-x264-params', x264]
  const bitstream = format === 'ivf' ? [] : ['-bsf:v', 'filter_units=remove_types=6']
  ffmpeg([
    ...['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=30:duration=${seconds}`, '-pix_fmt', 'yuv420p'],
    ...['-vf', filters, ...encoder, ...coding, '-threads', '1'],
    ...['-b:v', '500k', '-maxrate', '500k', '-bufsize', '250k', ...bitstream, '-f', format, path],
  ])
}

/** A stereo tone in packets of 20 ms; each is preceded by its length as a 16-bit big-endian number. */
function makeOpus(path) {
  const ogg = join(scratch, 'tone.ogg')
  const tone = ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`, '-ac', '2']
  ffmpeg([...tone, '-c:a', 'libopus', '-b:a', '48k', '-vbr', 'on', '-frame_duration', '20', ogg])
  const [head, , ...packets] = readOggPackets(readFileSync(ogg)) // the second holds the comments
  if (head?.toString('latin1', 0, 8) !== 'OpusHead') throw new Error('ffmpeg did not write Ogg Opus')
  const prefixed = packets.flatMap((packet) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(packet.length)
    return [length, packet]
  })
  writeFileSync(path, Buffer.concat(prefixed))
}

/** The packets of an Ogg stream (RFC 3533 section 6): pages of segments; a segment shorter than 255 bytes ends a packet. */
function readOggPackets(bytes) {
  const packets = []
  let parts = []
  for (let page = 0; page < bytes.length;) {
    const segmentCount = bytes[page + 26]
    let position = page + 27 + segmentCount
    for (let segment = 0; segment < segmentCount; segment++) {
      const length = bytes[page + 27 + segment]
      parts.push(bytes.subarray(position, position + length))
      position += length
      if (length < 255) packets.push(Buffer.concat(parts.splice(0)))
    }
    page = position
  }
  return packets
}

function ffmpeg(args) {
  execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], { stdio: 'inherit' })
}
