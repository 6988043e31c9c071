/**
 * RTCP packet types, feedback formats and sizes (RFC 3550 section 12.1, RFC 4585 section 6, RFC 5104 section
 * 4).
 */

/** First byte of a packet with a count or format of 0: version 2, no padding. */
export const rtcpVersionBits = 0x80

export const senderReportType = 200
export const receiverReportType = 201
export const sourceDescriptionType = 202
export const byeType = 203
export const transportFeedbackType = 205
export const payloadFeedbackType = 206

/** Formats of type 205. */
export const nackFormat = 1
export const transportWideFeedbackFormat = 15

/** Formats of type 206. */
export const pictureLossIndicationFormat = 1
export const fullIntraRequestFormat = 4
export const applicationLayerFeedbackFormat = 15

/** "REMB" (draft-alvestrand-rmcat-remb-03 section 2.2). */
export const rembIdentifier = 0x52454d42

export const rtcpHeaderBytes = 4
export const senderInfoBytes = 20
export const reportBlockBytes = 24
/** Header, SSRC of the sender and SSRC of the media: what every feedback packet starts with. */
export const feedbackHeaderBytes = 12
export const fullIntraRequestEntryBytes = 8
/** The count field of a report has five bits. */
export const maxReportBlocks = 31
