/** The smallest client that a recording needs: requests, watches line by line, followed logs. Token over HTTPS, any Kubernetes. */
import https from 'node:https'

export class ApiConnection {
  constructor({ server, token, ca }) {
    this.base = new URL(server)
    this.token = token
    this.agent = new https.Agent({ keepAlive: true, maxSockets: 256, ...(ca ? { ca } : { rejectUnauthorized: false }) })
    this.open = new Set()
  }

  /** Resolves to { status, body } with the body parsed where it is JSON. */
  async request(method, path, body, contentType = 'application/json') {
    const { response, done } = await this.send(method, path, body, contentType)
    const chunks = []
    for await (const chunk of response) chunks.push(chunk)
    done()
    const text = Buffer.concat(chunks).toString()
    try {
      return { status: response.statusCode, body: JSON.parse(text) }
    } catch {
      return { status: response.statusCode, body: text }
    }
  }

  /** Calls `line` with each line and its time of arrival (ms since 1970) until the stream ends; returns the function that stops it. */
  lines(path, line, end = () => {}) {
    let stopped = false
    let request
    const run = async () => {
      const sent = await this.send('GET', path)
      request = sent.request
      if (stopped) return request.destroy()
      let tail = ''
      sent.response.setEncoding('utf8')
      for await (const chunk of sent.response) {
        const at = performance.timeOrigin + performance.now()
        const parts = (tail + chunk).split('\n')
        tail = parts.pop()
        for (const part of parts) line(part, at, sent.response.statusCode)
      }
      sent.done()
    }
    run().then(
      () => end(undefined),
      (error) => end(stopped ? undefined : error),
    )
    return () => {
      stopped = true
      request?.destroy()
    }
  }

  send(method, path, body, contentType) {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          hostname: this.base.hostname,
          port: this.base.port,
          agent: this.agent,
          method,
          path,
          headers: {
            authorization: `Bearer ${this.token}`,
            accept: 'application/json',
            ...(payload ? { 'content-type': contentType, 'content-length': payload.length } : {}),
          },
        },
        (response) => resolve({ request, response, done: () => this.open.delete(request) }),
      )
      this.open.add(request)
      request.on('error', reject)
      request.end(payload)
    })
  }

  close() {
    for (const request of this.open) request.destroy()
    this.agent.destroy()
  }
}
