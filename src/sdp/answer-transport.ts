/**
 * What an accepted offer and the gateway agree on below the media: the bundle's m-section, ICE credentials,
 * DTLS roles.
 */
import type { TransportParameters } from '../media/contract.ts'
import { answeredBundle, type AcceptedSection, type DtlsSetup } from './answer-text.ts'
import type { GatewayTransport } from './gateway-transport.ts'
import { incomplete } from './offer-problem.ts'
import type { MediaSection, Offer, Setup } from './offer.ts'

/**
 * The m-section whose transport everything uses: the first of the BUNDLE group that is accepted and has a
 * port (RFC 9143 section 7.3), or the only accepted one of an offer that is not bundled.
 */
export function taggedSection(
  offer: Offer,
  isAccepted: (section: MediaSection) => boolean,
): MediaSection | undefined {
  const usable = (section: MediaSection | undefined): section is MediaSection =>
    section !== undefined && isAccepted(section) && !section.bundleOnly
  const inBundle = offer.bundle.map((mid) => offer.media.find((section) => section.mid === mid)).find(usable)
  return inBundle ?? (offer.bundle.length === 0 ? offer.media.find(usable) : undefined)
}

/**
 * Our `a=setup`: passive wherever the offer allows it, since FFmpeg and Firefox lose a ClientHello that comes
 * too early.
 */
export function answerSetup(offered: Setup): DtlsSetup {
  return offered === 'passive' ? 'active' : 'passive'
}

/** Which m-sections share the session's transport: what SDP fragments have to say again. */
export interface BundleTransport {
  readonly kind: 'audio' | 'video'
  readonly mid: string
  /** Empty where the offer is not bundled. */
  readonly bundle: readonly string[]
}

export function bundleTransport(
  offer: Offer,
  accepted: ReadonlyMap<number, AcceptedSection>,
  tagged: MediaSection,
): BundleTransport {
  return {
    kind: tagged.kind === 'video' ? 'video' : 'audio',
    mid: tagged.mid,
    bundle: answeredBundle(offer, accepted, tagged),
  }
}

export function transportParameters(tagged: MediaSection, gateway: GatewayTransport): TransportParameters {
  if (tagged.ice === undefined)
    throw incomplete('the m-section that bundles the others has no ICE credentials')
  return {
    localUfrag: gateway.ufrag,
    localPassword: gateway.password,
    remoteUfrag: tagged.ice.ufrag,
    remotePassword: tagged.ice.password,
    dtlsRole: answerSetup(tagged.setup) === 'passive' ? 'server' : 'client',
    remoteFingerprints: tagged.fingerprints,
  }
}
