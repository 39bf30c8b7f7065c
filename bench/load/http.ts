import { openHttp } from '../wire/http.ts'
import type { HttpJob } from './job.ts'
import type { Window } from './window.ts'

/** Keep-alive connections, one request under way on each. */
export async function runHttp (job: HttpJob, window: Window): Promise<void> {
  const lanes = Array.from({ length: job.connections }, () => openHttp(job.endpoint, job.request))
  const { maxCount = Infinity } = job
  let started = 0
  window.begin(job.durationMs)
  await Promise.all(lanes.map(connection => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const next = (): void => {
      if (!window.open() || started >= maxCount) return resolve()
      started++
      const sentAt = performance.now()
      connection.send(status => {
        if (status >= 200 && status < 300) window.succeed(performance.now() - sentAt)
        else window.fail(status === 0 ? 'connection lost' : `http ${status}`)
        if (status === 0) resolve()
        else next()
      })
    }
    next()
    return promise
  }))
  for (const connection of lanes) connection.destroy()
}
