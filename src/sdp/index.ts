/**
 * SDP negotiation: an offer comes in as text, an answer goes out as text, with plain data for the media wing
 * beside it.
 */
export { anticipatedMedia } from './anticipated-media.ts'
export { answerPlay, type PlayAnswer, type PlayIdentifiers } from './answer-play.ts'
export { answerPublish, type PublishAnswer } from './answer-publish.ts'
export { candidateValue, ICE_OPTIONS } from './answer-text.ts'
export type { BundleTransport } from './answer-transport.ts'
export { acceptCounterAnswer, writeCounterOffer } from './counter-offer.ts'
export { playableWith } from './codec-match.ts'
export type { GatewayCandidate, GatewayTransport } from './gateway-transport.ts'
export type { Offer } from './offer.ts'
export { parseOffer } from './parse-offer.ts'
export type { MediaFormat, PublishedMedia, ViewerMedia } from './published-media.ts'
