/** A load process: does one job at a time for the bench, over the IPC channel, and dies with it. */
import { runConnects } from './connects.ts'
import { runDelivery } from './delivery.ts'
import { runFanout } from './fanout.ts'
import { runGuessers } from './guessers.ts'
import { runHold } from './hold.ts'
import { runHttp } from './http.ts'
import { runRpc } from './rpc.ts'
import { runTurns } from './turns.ts'
import { createWindow, type Window } from './window.ts'
import type { FromLoad, Job, ToLoad } from './job.ts'

const runners: { readonly [kind in Job['kind']]: (job: never, window: Window) => Promise<void> } = {
  connects: runConnects,
  delivery: runDelivery,
  fanout: runFanout,
  guessers: runGuessers,
  hold: runHold,
  http: runHttp,
  rpc: runRpc,
  turns: runTurns
}

const tell = (message: FromLoad): void => { process.send?.(message) }

process.on('message', async ({ job }: ToLoad) => {
  const window = createWindow(() => tell({ began: true }))
  try {
    await runners[job.kind](job as never, window)
    tell({ result: window.result() })
  } catch (error) {
    tell({ error: error instanceof Error ? error.message : String(error) })
  }
})
process.on('disconnect', () => process.exit())
