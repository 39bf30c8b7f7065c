import type { ServerResponse } from 'node:http'

/** Aborted when the socket closes before the answer is out: nobody waits for it any more. */
export function clientGone (response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  const gone = (): void => { if (!response.writableFinished) controller.abort(new Error('the client went away')) }
  if (response.destroyed) gone()
  else response.once('close', gone)
  return controller.signal
}
