/** What a node answers in the place of a result. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly code: string

  constructor (code: string, message: string) {
    super(message)
    this.code = code
  }
}

export type Fields = { readonly [name: string]: unknown }

export const invalid = (message: string): CommandFailure => new CommandFailure('INVALID_REQUEST', message)
