/** Opens UDP sockets for Linux by system call, so that their descriptor is known. */
import * as libc from './libc.ts'
import {
  IPV4_SOCKET_ADDRESS_BYTES,
  IPV6_SOCKET_ADDRESS_BYTES,
  SOCKET_ADDRESS_BYTES,
  SOL_SOCKET,
  mustCall,
} from './libc.ts'
import { NativeMemory } from './memory.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_TIMESTAMPNS = 35
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26

/** Wanted for the kernel's buffers: a second of 30 Mbit/s. Granted up to net.core.rmem_max and wmem_max unless privileged. */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024

/**
 * Opens a non-blocking UDP socket.
 * @param socketAddress an encoded sockaddr (see network/socket-address.ts); its port may be 0.
 * @returns the file descriptor; and the port, which the system may have chosen. @throws {SystemCallError}
 */
export function openUdpSocket(socketAddress: Uint8Array, family: 4 | 6): { fd: number; port: number } {
  const scratch = new NativeMemory(256)
  const fd = mustCall(
    'socket',
    libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
  )
  try {
    const setInteger = (level: number, option: number, value: number): number => {
      scratch.view.setInt32(64, value, true)
      return libc.setsockopt(fd, level, option, scratch.address + 64, 4)
    }
    if (family === 6) mustCall('IPV6_V6ONLY', setInteger(IPPROTO_IPV6, IPV6_V6ONLY, 1))
    if (setInteger(SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES) < 0)
      setInteger(SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES)
    if (setInteger(SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) < 0)
      setInteger(SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES)
    setInteger(SOL_SOCKET, SO_TIMESTAMPNS, 1)
    scratch.bytes.set(socketAddress)
    const length = family === 4 ? IPV4_SOCKET_ADDRESS_BYTES : IPV6_SOCKET_ADDRESS_BYTES
    mustCall('bind', libc.bind(fd, scratch.address, length))
    scratch.view.setUint32(64, SOCKET_ADDRESS_BYTES, true)
    mustCall('getsockname', libc.getsockname(fd, scratch.address, scratch.address + 64))
    return { fd, port: scratch.view.getUint16(2) }
  } catch (error) {
    libc.close(fd)
    throw error
  }
}
