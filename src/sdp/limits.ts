/**
 * Bounds on what one offer may hold: far above any real client's, low enough that an answer always takes
 * about a millisecond.
 */

/** Lines in all. Chromium's longest offers have about 300. */
export const maxLines = 4_096

/** Characters of one line; FFmpeg and GStreamer put H.264 parameter sets of a few hundred into `a=fmtp`. */
export const maxLineCharacters = 4_096

/** m-sections. A session uses two; pages that add data channels or idle transceivers have a few more. */
export const maxMediaSections = 16

/** Payload types of one m-section: a payload type has seven bits. */
export const maxFormats = 128

/** Parameters of one `a=fmtp` line. */
export const maxFormatParameters = 64

/** `a=rtcp-fb` lines of one m-section: five for each format. */
export const maxFeedbackLines = 1_024

/** `a=extmap` lines of one m-section; Chromium has 14. */
export const maxExtensions = 64

/** `a=candidate` lines of one m-section; machines with many interfaces and TURN servers have some dozens. */
export const maxCandidates = 256

/** `a=rid` lines and simulcast streams of one m-section; encoders make three or four. */
export const maxRids = 16

/** `a=ssrc` lines of one m-section: four attributes for media and RTX of each rid. */
export const maxSsrcLines = 256

/** `a=fingerprint` lines that hold for one m-section (RFC 8122 section 5 allows several). */
export const maxFingerprints = 8

/** Characters of `a=mid` and `a=rid` values (RFC 8851 section 10 leaves them open). */
export const maxIdentifierCharacters = 64
