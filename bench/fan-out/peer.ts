/** One libdatachannel peer connection and its WHIP or WHEP POST. */
import nodeDataChannel, { type PeerConnection } from 'node-datachannel'

/** A peer that has gathered its candidates and is ready to be offered. */
export async function gatherOffer(peer: PeerConnection): Promise<string> {
  const gathered = new Promise<void>((resolve) => {
    peer.onGatheringStateChange((state) => {
      if (state === 'complete') resolve()
    })
  })
  peer.setLocalDescription()
  await gathered
  const description = peer.localDescription()
  if (description === null) throw new Error('libdatachannel made no offer')
  return description.sdp
}

/** All media stays on loopback. */
export function createPeer(name: string): PeerConnection {
  return new nodeDataChannel.PeerConnection(name, { iceServers: [], bindAddress: '127.0.0.1' })
}

/** Posts the offer, applies the answer, and waits until media can flow. Milliseconds count from the POST. */
export async function join(
  peer: PeerConnection,
  endpoint: string,
  offer: string,
  timeoutMs: number,
): Promise<{ startedAtMs: number; answeredMs: number; connectedMs: number }> {
  const startedAtMs = performance.now()
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: offer,
    signal: AbortSignal.timeout(timeoutMs),
  })
  const answer = await response.text()
  const answeredMs = performance.now() - startedAtMs
  if (response.status !== 201) throw new Error(`POST ${endpoint} answered ${response.status}: ${answer}`)
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`still ${peer.state()} after ${timeoutMs} ms`))
    }, timeoutMs)
    peer.onStateChange((state) => {
      if (state !== 'connected') return
      clearTimeout(timer)
      resolve()
    })
    peer.setRemoteDescription(answer, 'answer')
  })
  return { startedAtMs, answeredMs, connectedMs: performance.now() - startedAtMs }
}
