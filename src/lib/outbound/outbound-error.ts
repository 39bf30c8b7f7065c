/** Why a call was not made or did not succeed. */
export type OutboundProblem =
  'url' | 'port' | 'host' | 'address' | 'dns' | 'connect' | 'redirect' | 'timeout' | 'too-large' | 'encoding' | 'protocol' | 'aborted'

/** The sentence says what to do next, and is fit for the one who asked: no addresses of the own network that they did not name. */
export class OutboundError extends Error {
  readonly problem: OutboundProblem

  constructor (problem: OutboundProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'OutboundError'
    this.problem = problem
  }
}
