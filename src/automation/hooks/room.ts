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
  /** 401 where the proof was to be a signature and that of no mapping fits: nothing of the body has been read then. */
  handle (call: HookCall, proof: Proof): Promise<HookAnswer>
}
