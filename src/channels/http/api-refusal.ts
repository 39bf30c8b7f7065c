/** What a service answered in place of a result, where a call has a name of its own and its status says what to do. */

export interface ApiRefusalFacts {
  /** Of the answer, or what the service itself calls it. */
  readonly status: number
  readonly description: string
  readonly retryAfterMs: number | undefined
  /** The service itself said so, not something between it and us. */
  readonly isOfService: boolean
}

export class ApiRefusal extends Error implements ApiRefusalFacts {
  readonly status: number
  readonly description: string
  readonly retryAfterMs: number | undefined
  readonly isOfService: boolean

  constructor (message: string, { status, description, retryAfterMs, isOfService }: ApiRefusalFacts) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.description = description
    this.retryAfterMs = retryAfterMs
    this.isOfService = isOfService
  }

  /** The credential is none, or one no longer. */
  get isUnauthorized (): boolean {
    return this.isOfService && this.status === 401
  }
}
