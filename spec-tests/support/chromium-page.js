/* global document, navigator, window, setInterval, clearInterval, MediaStream, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, MediaStreamTrackProcessor, performance */
// The page that runs inside Chromium: a WHIP publisher and a WHEP player with nothing but browser APIs.
const connections = new Map()

window.whipway = {
  /**
   * codec: 'H264', 'VP8', 'VP9' or 'AV1'; rids: simulcast layers, best first; noise: a picture that takes every bit it is given.
   * Returns the connection's id.
   */
  async publish(
    url,
    { codec, width = 640, height = 360, frameRate = 30, rids = [], token, maxBitrate, noise = false },
  ) {
    const media = await navigator.mediaDevices.getUserMedia({
      audio: true,
      video: { width, height, frameRate },
    })
    const stopNoise = noise ? replaceByNoise(media, width, height, frameRate) : () => undefined
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    const [audio] = media.getAudioTracks()
    const [video] = media.getVideoTracks()
    connection.addTransceiver(audio, { direction: 'sendonly', streams: [media] })
    const layers = rids.map((rid, index) => ({ rid, scaleResolutionDownBy: 2 ** index }))
    const encodings = layers.length > 0 ? layers : [maxBitrate === undefined ? {} : { maxBitrate }]
    const sender = connection.addTransceiver(video, {
      direction: 'sendonly',
      streams: [media],
      sendEncodings: encodings,
    })
    prefer(sender, RTCRtpSender.getCapabilities('video').codecs, codec)
    return open(connection, url, token, () => {
      stopNoise()
      media.getTracks().forEach((track) => track.stop())
    })
  },

  /** Offers every codec. Returns the connection's id. */
  async play(url, { token, watchNumbers = false } = {}) {
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    const media = new MediaStream()
    for (const kind of ['audio', 'video']) {
      const transceiver = connection.addTransceiver(kind, { direction: 'recvonly' })
      media.addTrack(transceiver.receiver.track)
      // Every codec that can be received, also those that are not in the default offer.
      transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities(kind).codecs)
    }
    const element = document.createElement('video')
    element.autoplay = true
    element.srcObject = media
    document.body.append(element)
    const pictures = []
    if (watchNumbers) void readNumbers(media.getVideoTracks()[0].clone(), pictures)
    return open(connection, url, token, () => element.remove(), pictures)
  },

  /** Everything that getStats() has, as plain data, and the states of the connection. */
  async statistics(id) {
    const { connection } = connections.get(id)
    const report = []
    for (const entry of (await connection.getStats()).values()) report.push({ ...entry })
    const transport = connection.getTransceivers()[0].receiver.transport
    return { report, connectionState: connection.connectionState, dtlsState: transport?.state ?? 'new' }
  },

  shownPictures(id) {
    const { postMs, pictures } = connections.get(id)
    return { postMs, pictures }
  },

  /** DELETE. Returns its status. */
  async remove(id) {
    const { location, authorization } = connections.get(id)
    return (await fetch(location, { method: 'DELETE', headers: authorization })).status
  },

  close(id) {
    const { connection, release } = connections.get(id)
    connections.delete(id)
    connection.close()
    release()
  },
}

/** The fake camera's picture is so plain that an encoder hardly needs 300 kbit/s for it. */
function replaceByNoise(media, width, height, frameRate) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  const context = canvas.getContext('2d')
  const pictures = Array.from({ length: 5 }, () => {
    const picture = context.createImageData(width, height)
    for (let index = 0; index < picture.data.length; index++) picture.data[index] = Math.random() * 256
    return picture
  })
  let shown = 0
  const timer = setInterval(
    () => context.putImageData(pictures[shown++ % pictures.length], 0, 0),
    1000 / frameRate,
  )
  for (const track of media.getVideoTracks()) {
    track.stop()
    media.removeTrack(track)
  }
  media.addTrack(canvas.captureStream(frameRate).getVideoTracks()[0])
  return () => clearInterval(timer)
}

function prefer(transceiver, codecs, name) {
  const wanted = codecs.filter((codec) => codec.mimeType === `video/${name}`)
  const packetized = wanted.filter((codec) => !/packetization-mode=0/.test(codec.sdpFmtpLine ?? ''))
  const repair = codecs.filter((codec) => /\/(rtx|red|ulpfec)$/.test(codec.mimeType))
  if (packetized.length === 0) throw new Error(`this browser does not encode ${name}`)
  transceiver.setCodecPreferences([...packetized, ...repair])
}

/** Reads the number in each decoded picture: seven blocks of 32 x 32 pixels, the lowest bit first. */
async function readNumbers(track, pictures) {
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader()
  for (
    let { done, value: frame } = await reader.read();
    !done;
    { done, value: frame } = await reader.read()
  ) {
    const shownMs = performance.timeOrigin + performance.now()
    const rect = { x: 0, y: 16, width: 224, height: 2 }
    const bytes = new Uint8Array(frame.allocationSize({ rect }))
    const [luma] = await frame.copyTo(bytes, { rect })
    let number = 0
    for (let bit = 0; bit < 7; bit++) if (bytes[luma.offset + 32 * bit + 16] > 128) number |= 1 << bit
    frame.close()
    pictures.push({ number, shownMs })
  }
}

async function open(connection, url, token, release, pictures = []) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  await connection.setLocalDescription()
  const postMs = performance.timeOrigin + performance.now()
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', ...authorization },
    body: connection.localDescription.sdp,
  })
  const body = await response.text()
  if (response.status !== 201) throw new Error(`answered ${response.status}: ${body}`)
  const location = new URL(response.headers.get('location'), response.url).href
  // Provided by the harness: a test may point the answer at a relay.
  await connection.setRemoteDescription({ type: 'answer', sdp: await window.editAnswer(body) })
  const id = String(connections.size + 1)
  connections.set(id, { connection, location, authorization, release, postMs, pictures })
  return id
}
