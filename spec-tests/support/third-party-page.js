/* global document, navigator, window, MediaStream, RTCPeerConnection */
// The page that drives WHIP and WHEP clients of others as their own documentation says, with nothing of them changed.
import { WebRTCPlayer } from '@eyevinn/webrtc-player'
import { WHIPClient as EyevinnWhipClient } from '@eyevinn/whip-web-client'
import { WHEPClient } from 'whip-whep/whep.js'
import { WHIPClient } from 'whip-whep/whip.js'

const clients = new Map()

const keep = (client) => {
  const id = String(clients.size + 1)
  clients.set(id, client)
  return id
}

const openCamera = () =>
  navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } })

function showVideo() {
  const video = Object.assign(document.createElement('video'), { autoplay: true })
  document.body.append(video)
  return video
}

const open = {
  /** The reference implementation by the author of the specifications. */
  async 'whip-whep publisher'(url, token) {
    const media = await openCamera()
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    for (const track of media.getTracks())
      connection.addTransceiver(track, { direction: 'sendonly', streams: [media] })
    const client = new WHIPClient()
    await client.publish(connection, url, token)
    return keep({
      connection: () => connection,
      mute: () => client.mute({ audio: true, video: true }),
      restart: () => client.restart(),
      stop: () => client.stop(),
    })
  },

  async 'whip-whep player'(url, token) {
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    const stream = new MediaStream()
    showVideo().srcObject = stream
    connection.ontrack = ({ track }) => stream.addTrack(track)
    for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' })
    const client = new WHEPClient()
    await client.view(connection, url, token)
    return keep({
      connection: () => connection,
      mute: () => client.mute({ audio: true, video: true }),
      restart: () => client.restart(),
      stop: () => client.stop(),
    })
  },

  async '@eyevinn/whip-web-client'(endpoint, token) {
    const client = new EyevinnWhipClient({ endpoint, opts: { iceServers: [], authkey: token, timeout: 200 } })
    const media = await openCamera()
    await client.ingest(media)
    await client.getResourceUrl()
    return keep({
      connection: () => client.peer,
      // It has no muting of its own: pages switch the tracks off.
      mute: () => media.getTracks().forEach((track) => (track.enabled = false)),
      stop: () => client.destroy(),
    })
  },

  async '@eyevinn/webrtc-player'(url, token) {
    const video = showVideo()
    const player = new WebRTCPlayer({ video, type: 'whep', iceServers: [] })
    await player.load(new URL(url), token === undefined ? undefined : `Bearer ${token}`)
    return keep({
      connection: () => player.peer,
      mute: () => {
        player.mute()
        if (!video.muted) throw new Error('the video is not muted')
      },
      stop: () => player.unload(),
    })
  },
}

window.whipway = {
  open: (name, url, token) => open[name](url, token),
  mute: (id) => clients.get(id).mute(),
  restart: (id) => clients.get(id).restart(),
  stop: (id) => clients.get(id).stop(),

  async statistics(id) {
    const connection = clients.get(id).connection()
    const report = []
    for (const entry of (await connection.getStats()).values()) report.push({ ...entry })
    const transport = connection.getTransceivers()[0]?.receiver.transport
    return { report, connectionState: connection.connectionState, dtlsState: transport?.state ?? 'new' }
  },
}
