/** What the streams need of the media wing: a way to send it commands. Its events come in through `StreamRegistry.handleEvent`. */
import type { MediaCommand } from '../media/contract.ts'

export interface MediaPlane {
  send(command: MediaCommand): void
}
