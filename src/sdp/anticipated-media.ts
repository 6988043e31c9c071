/** What a publisher that has not come yet will most likely send, as far as a viewer's offer lets it: for viewers who are let in early. */
import { codecOf, describeFormat, isLastResort, mediaFormat, playDistance } from './codec-match.ts'
import { h264Profile } from './h264-profile.ts'
import type { MediaKind } from '../media/rtp/codecs.ts'
import type { Offer } from './offer.ts'
import type { MediaFormat, PublishedMedia } from './published-media.ts'

/** What encoders and OBS send unless they are told otherwise; else the viewer's own order decides. */
const usualCodecs = { audio: 'opus', video: 'H264' } as const

export function anticipatedMedia(offer: Offer): PublishedMedia {
  const audio = anticipatedFormat(offer, 'audio')
  const video = anticipatedFormat(offer, 'video')
  return {
    ...(audio && { audio }),
    ...(video && { video }),
    summary: [video, audio]
      .filter((format) => format !== undefined)
      .map(describeFormat)
      .join(' + '),
  }
}

/** Of the chosen codec's formats, the one whose decoder plays most of the others, so that most publishers will do. */
function anticipatedFormat(offer: Offer, kind: MediaKind): MediaFormat | undefined {
  const section = offer.media.find((candidate) => candidate.live && candidate.kind === kind)
  if (section === undefined) return undefined
  const usable = section.formats.flatMap((format) => {
    const codec = codecOf(format, kind)
    if (codec === undefined) return []
    // Decoders in hardware have no 4:4:4, though it plays all the others.
    const rare = codec === 'H264' && h264Profile(format.parameters) === 'high-4:4:4-predictive'
    const lastResort = rare || isLastResort(format, codec)
    return [{ media: mediaFormat(format, kind, codec, section.mid), lastResort }]
  })
  const usual = usable.find(({ media }) => media.codec === usualCodecs[kind]) ?? usable[0]
  const candidates = usable.filter(({ media }) => media.codec === usual?.media.codec)
  const breadth = ({ media, lastResort }: (typeof usable)[number]): number =>
    lastResort ? -1 : candidates.filter((sent) => playDistance(sent.media, media) !== undefined).length
  return candidates.toSorted((a, b) => breadth(b) - breadth(a))[0]?.media
}
