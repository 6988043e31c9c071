/** RTCP in one import: the reader, the writer and what passes between them and their users. */
export { readRtcp, type RtcpHandler } from './rtcp/reader.ts'
export { RtcpWriter } from './rtcp/writer.ts'
export { referenceTimeDistanceMs, type TransportFeedback } from './rtcp/transport-feedback.ts'
