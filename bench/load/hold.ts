import { openConnections } from './connections.ts'
import type { HoldJob } from './job.ts'
import type { Window } from './window.ts'

/** Idle clients: they answer pings, read events and say nothing. */
export async function runHold (job: HoldJob, window: Window): Promise<void> {
  window.begin()
  for (const { socket, elapsedMs } of await openConnections(job, job.count, job.concurrency)) {
    socket.onText = () => {}
    window.succeed(elapsedMs)
  }
}
