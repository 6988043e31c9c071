// Exits with 0 while the gateway in this container takes requests. Takes the port from WHIPWAY_HTTP, as the gateway does.
const port = /\d+$/.exec(process.env.WHIPWAY_HTTP ?? '')?.[0] ?? '8080'
const isHealthy = await fetch(`http://127.0.0.1:${port}/healthz`).then(
  (response) => response.ok,
  () => false,
)
process.exit(isHealthy ? 0 : 1)
