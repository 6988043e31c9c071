// Plays the stream that the address names by WHEP, and comes back when it or the connection is lost.

const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 15_000
/** ICE finds a new way within seconds or not at all. */
const DISCONNECTED_GRACE_MS = 5000
/** No packet for so long: the publisher has stopped, or the network has. */
const STALL_MS = 3000
const CHECK_INTERVAL_MS = 1000

const video = document.getElementById('video')
const notice = document.getElementById('notice')
const soundButton = document.getElementById('sound')
const tokenForm = document.getElementById('token-form')

const name = location.pathname.split('/').filter(Boolean).pop() ?? ''
const endpoint = new URL(`../whep/${name}`, location.href)
document.title = `${decodeURIComponent(name)} · Whipway`

/** Taken from `#token=...`, which is never sent to a server by itself. */
let token = decodeURIComponent(/[#&]token=([^&]*)/.exec(location.hash)?.[1] ?? '')
let sessionUrl

class Refusal extends Error {
  constructor(status, detail, retryAfterMs) {
    super(detail)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

const authorization = () => (token === '' ? {} : { Authorization: `Bearer ${token}` })
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function say(text) {
  notice.textContent = text
  notice.hidden = text === ''
}

async function openSession(offer) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', ...authorization() },
    body: offer,
  })
  if (response.status !== 201) {
    const problem = await response.json().catch(() => ({}))
    const retryAfter = Number(response.headers.get('Retry-After'))
    throw new Refusal(
      response.status,
      problem.detail ?? response.statusText,
      retryAfter > 0 ? retryAfter * 1000 : undefined,
    )
  }
  sessionUrl = new URL(response.headers.get('Location'), endpoint)
  return response.text()
}

function endSession() {
  if (sessionUrl === undefined) return
  // `keepalive` lets it reach the gateway although the page is going away.
  fetch(sessionUrl, { method: 'DELETE', headers: authorization(), keepalive: true }).catch(() => undefined)
  sessionUrl = undefined
}

/** Browsers play Opus in mono unless the offer asks for stereo (RFC 7587 section 7). */
function askForStereo(sdp) {
  const payloadType = /a=rtpmap:(\d+) opus\/48000/i.exec(sdp)?.[1]
  return sdp.replace(new RegExp(`(a=fmtp:${payloadType} )(?!.*stereo=)`), '$1stereo=1;sprop-stereo=1;')
}

/** Plays until the connection is lost. */
async function playOnce() {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  try {
    const tracks = new MediaStream()
    connection.ontrack = ({ track }) => {
      tracks.addTrack(track)
      if (video.srcObject !== tracks) video.srcObject = tracks
    }
    connection.addTransceiver('video', { direction: 'recvonly' })
    connection.addTransceiver('audio', { direction: 'recvonly' })
    const offer = await connection.createOffer()
    offer.sdp = askForStereo(offer.sdp)
    await connection.setLocalDescription(offer)
    // The gateway learns our addresses from our first packet, so the offer need not wait for candidates.
    const answer = await openSession(offer.sdp)
    await connection.setRemoteDescription({ type: 'answer', sdp: answer })
    await watchOver(connection)
  } finally {
    connection.close()
    endSession()
  }
}

/** Resolves when the connection is lost; says meanwhile whether anything arrives. */
async function watchOver(connection) {
  let bytesBefore = 0
  let lastArrivalMs = performance.now()
  let disconnectedSinceMs
  for (;;) {
    await wait(CHECK_INTERVAL_MS)
    const nowMs = performance.now()
    const state = connection.connectionState
    if (state === 'failed' || state === 'closed') return
    // The gateway's goodbye (DTLS close_notify) shows here long before ICE notices the silence.
    if (connection.getReceivers().some(({ transport }) => transport?.state === 'closed')) return
    disconnectedSinceMs = state === 'disconnected' ? (disconnectedSinceMs ?? nowMs) : undefined
    if (disconnectedSinceMs !== undefined && nowMs - disconnectedSinceMs > DISCONNECTED_GRACE_MS) return

    let bytes = 0
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'inbound-rtp') bytes += report.bytesReceived ?? 0
    }
    if (bytes > bytesBefore) lastArrivalMs = nowMs
    bytesBefore = bytes
    const stalled = nowMs - lastArrivalMs > STALL_MS
    if (stalled) say('Waiting for the stream')
    else if (bytes > 0) say('')
  }
}

function askForToken(wrong) {
  say('')
  tokenForm.hidden = false
  if (wrong) tokenForm.querySelector('label').textContent = 'This token was not accepted.'
  document.getElementById('token').focus()
  return new Promise((resolve) => {
    tokenForm.onsubmit = (event) => {
      event.preventDefault()
      token = document.getElementById('token').value.trim()
      tokenForm.hidden = true
      resolve()
    }
  })
}

async function playForever() {
  let retryMs = FIRST_RETRY_MS
  for (;;) {
    const startedMs = performance.now()
    let waitMs
    try {
      await playOnce()
      say('Connecting again')
      if (performance.now() - startedMs > LAST_RETRY_MS) retryMs = FIRST_RETRY_MS
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) {
        await askForToken(token !== '')
        continue
      }
      if (error instanceof Refusal && error.status === 409) {
        say('Waiting for the stream')
        waitMs = error.retryAfterMs
      } else {
        say(error instanceof Refusal ? error.message : 'The gateway cannot be reached; trying again')
        waitMs = error.retryAfterMs
      }
    }
    // A random part keeps a thousand pages from asking in the same moment.
    await wait((waitMs ?? retryMs) * (1 + Math.random() / 4))
    if (waitMs === undefined) retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
  }
}

function showSound() {
  const silent = video.muted || video.volume === 0
  soundButton.textContent = 'Tap for sound'
  soundButton.hidden = !silent
}

function toggleSound() {
  video.muted = !video.muted
  // Some browsers stop at the first unmuting; the tap that brought us here allows to go on.
  video.play().catch(() => undefined)
  showSound()
}

// Browsers start videos by themselves only without sound.
soundButton.addEventListener('click', toggleSound)
video.addEventListener('click', toggleSound)
video.addEventListener('playing', showSound)
window.addEventListener('pagehide', endSession)
void playForever()
