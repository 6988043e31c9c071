/** Asks a server's UDP candidates the one question of ICE, a connectivity check (RFC 8445 section 7), and checks the answer. */
import { createHmac } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { bindingRequest } from '../support/stun-client.ts'
import type { IceCredentials } from './offers.ts'

/** Checks are repeated, since UDP may lose them (RFC 8489 section 6.2.1). */
const ATTEMPTS = 3
const ATTEMPT_MS = 300
const MESSAGE_INTEGRITY = 0x0008
const BINDING_SUCCESS = 0x0101
const BINDING_ERROR = 0x0111

export type CheckResult = 'success' | 'success without valid integrity' | 'error' | 'silence'

export interface CheckOptions {
  readonly candidates: readonly { readonly address: string; readonly port: number }[]
  /** The server's. */
  readonly remote: IceCredentials
  readonly localUfrag: string
}

/** The best result of all candidates; a success does not wait for the others. */
export async function sendCheck(options: CheckOptions): Promise<CheckResult> {
  const checks = options.candidates.map((candidate) => checkOne(candidate, options))
  const success = Promise.any(
    checks.map(async (check) => {
      if ((await check) !== 'success') throw new Error('no success')
      return 'success' as const
    }),
  )
  return success.catch(async () => {
    const results = await Promise.all(checks)
    const order: readonly CheckResult[] = ['success without valid integrity', 'error']
    return order.find((result) => results.includes(result)) ?? 'silence'
  })
}

function checkOne(
  { address, port }: { readonly address: string; readonly port: number },
  { remote, localUfrag }: CheckOptions,
): Promise<CheckResult> {
  const request = bindingRequest({
    username: `${remote.ufrag}:${localUfrag}`,
    password: remote.password,
    priority: 1_845_501_695,
    role: 'controlling',
  })
  const transaction = request.subarray(4, 20)
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    let sent = 0
    const send = () => {
      if (sent++ === ATTEMPTS) finish('silence')
      else socket.send(request, port, address, () => undefined) // an unreachable address is as good as silence
    }
    const timer = setInterval(send, ATTEMPT_MS)
    const finish = (result: CheckResult) => {
      clearInterval(timer)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.close()
      resolve(result)
    }
    socket.on('error', () => finish('silence'))
    socket.on('message', (message) => {
      if (message.length < 20 || !message.subarray(4, 20).equals(transaction)) return
      const type = message.readUInt16BE(0)
      if (type === BINDING_ERROR) finish('error')
      else if (type === BINDING_SUCCESS)
        finish(hasIntegrity(message, remote.password) ? 'success' : 'success without valid integrity')
    })
    send()
  })
}

/** RFC 8489 section 14.5: the HMAC covers all that is before it, with the length as if it were the last attribute. */
function hasIntegrity(message: Buffer, password: string): boolean {
  for (let at = 20; at + 24 <= message.length; at += 4 + Math.ceil(message.readUInt16BE(at + 2) / 4) * 4) {
    if (message.readUInt16BE(at) !== MESSAGE_INTEGRITY) continue
    const covered = Buffer.from(message.subarray(0, at))
    covered.writeUInt16BE(at - 20 + 24, 2)
    const expected = createHmac('sha1', password).update(covered).digest()
    return expected.equals(message.subarray(at + 4, at + 24))
  }
  return false
}
