/** A stream: its publisher, which may come and go, and its viewers. */
import type { StreamName } from '../media/contract.ts'
import type { PublisherSession, ViewerSession } from './session.ts'

export interface Stream {
  readonly name: StreamName
  publisher: PublisherSession | undefined
  readonly viewers: Set<ViewerSession>
  /** Set while the viewers wait for the next publisher. */
  cancelGrace: (() => void) | undefined
  /** What its viewers were told last: a publisher is connected and sends. */
  active: boolean
  /** Set while the number of viewers has changed and they have not been told yet. */
  cancelViewerCount: (() => void) | undefined
}

export const newStream = (name: StreamName): Stream => ({
  name,
  publisher: undefined,
  viewers: new Set(),
  cancelGrace: undefined,
  active: false,
  cancelViewerCount: undefined,
})
