/** What the HTTP side may ask of the hooks. */

/** As it came in; whether whoever sent it may do so is asked of the hooks. */
export interface HookCall {
  /** Below the path of the hooks, without the slash. */
  readonly path: string
  readonly headers: { readonly [name: string]: string | undefined }
  readonly query: { readonly [name: string]: string | undefined }
  readonly body: Buffer
  readonly signal: AbortSignal
}

export interface HookAnswer {
  readonly status: number
  readonly body?: object | string
  readonly retryAfterMs?: number
}

export type Proof = 'token' | 'signature'

export interface Hooks {
  /** The token of the hooks, presented in a header. */
  isToken (presented: string | undefined): Promise<boolean>
  /** Some mapping of this path takes signed requests, so that only the body tells whether somebody may send it. */
  takesSignatures (path: string): boolean
  /** Undefined: the signature of no mapping fits. */
  verify (call: HookCall): Promise<boolean>
  handle (call: HookCall, proof: Proof): Promise<HookAnswer>
}
