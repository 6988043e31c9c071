/** Restarts ICE in a libwebrtc client through PATCH (RFC 9725 section 4.3.3), as whip.js does it. */
import { createGatheredOffer, type PeerConnection } from '../../src/client/webrtc.ts'
import type { ClientSession } from '../../src/signalling/session-client.ts'

const valueOf = (sdp: string, name: string): string =>
  new RegExp(`^a=${name}:(.*)$`, 'm').exec(sdp)?.[1]?.trim() ?? ''

/** Resolves with the new entity tag once libwebrtc has our new credentials; its checks come after that. */
export async function restartIce(
  connection: PeerConnection,
  session: ClientSession,
): Promise<{ readonly entityTag: string; readonly ufrag: string }> {
  connection.restartIce()
  const offer = await createGatheredOffer(connection)
  const credentials = ['ice-ufrag', 'ice-pwd'].map((name) => `a=${name}:${valueOf(offer, name)}\r\n`).join('')
  const response = await fetch(session.url, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
    body: `${credentials}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${valueOf(offer, 'mid')}\r\na=end-of-candidates\r\n`,
  })
  const fragment = await response.text()
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${fragment}`)
  const ufrag = valueOf(fragment, 'ice-ufrag')
  await connection.setRemoteDescription({
    type: 'answer',
    sdp: session.answer
      .replaceAll(/^a=ice-ufrag:.*\r$/gm, `a=ice-ufrag:${ufrag}\r`)
      .replaceAll(/^a=ice-pwd:.*\r$/gm, `a=ice-pwd:${valueOf(fragment, 'ice-pwd')}\r`),
  })
  return { entityTag: response.headers.get('ETag') ?? '', ufrag }
}
