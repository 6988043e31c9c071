/** The three answers to the question whether a keyframe starts with a packet. */

/**
 * 'unknown' where the payload is damaged, of a kind that does not tell, or of a codec without keyframes:
 * neither wait for it nor start with it.
 */
export type KeyframeVerdict = 'yes' | 'no' | 'unknown'
