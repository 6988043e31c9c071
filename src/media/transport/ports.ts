/** What one peer's transport needs of the network below it; the network provides it, tests fake it. */
import type { NativeMemory } from '../native/memory.ts'

/** A local socket and a remote address: one ICE candidate pair. Compared by identity, once it is retained. */
export interface Path {
  /** Remote address and port as text, such as `192.0.2.7:5000` or `[2001:db8::7]:5000`; for logs and statistics. */
  describe(): string
  /** Writes the address into a STUN XOR-MAPPED-ADDRESS attribute's value (RFC 8489 section 14.2). @returns its length: 8 or 20. */
  writeXorMappedAddress(view: DataView, offset: number, transactionIdOffset: number): number
}

/** Where datagrams are assembled and queued. Nothing is sent before the network flushes, at the end of the turn. */
export interface DatagramOutput {
  /** Opens room for one datagram of at most `maxLengthBytes`. @returns its offset in `memory(path)`, or -1 when it cannot be sent. */
  reserve(path: Path, maxLengthBytes: number): number
  /** The memory that the last `reserve`'s offset points into. */
  memory(path: Path): NativeMemory
  /** Queues the datagram that was reserved last, with its real length. */
  commit(path: Path, lengthBytes: number): void
}

/** Keeps the table of which remote address belongs to which peer. */
export interface PathRegistry {
  /** Makes a path that was given for one call lasting, and routes its datagrams to this peer. @returns undefined when there are too many. */
  retain(path: Path): Path | undefined
  /** Takes a retained path out of the table. */
  release(path: Path): void
}
