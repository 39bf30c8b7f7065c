/**
 * The older first frame: `{type:"hello", deviceId, nonce, signature?, token?, …}` instead of a connect request. It is answered
 * like connect. A device id without a signature proves nothing and is treated as no device at all.
 */

export interface HelloFrame {
  readonly type: 'hello'
  readonly id?: string
  readonly [field: string]: unknown
}

export function isHelloFrame (frame: unknown): frame is HelloFrame {
  if (typeof frame !== 'object' || frame === null) return false
  const { type, id } = frame as { type?: unknown, id?: unknown }
  return type === 'hello' && (id === undefined || (typeof id === 'string' && id !== ''))
}

const defaultClient = { id: 'gateway-client', version: 'unknown', platform: 'unknown', mode: 'backend' }
const defaultScopes = ['operator.read', 'operator.write']

const text = (value: unknown): string | undefined => typeof value === 'string' ? value : undefined

function deviceOf (hello: { readonly [field: string]: unknown }): object | undefined {
  if (typeof hello.device === 'object' && hello.device !== null) return hello.device
  const signature = text(hello.signature)
  const id = text(hello.deviceId)
  if (signature === undefined || id === undefined) return undefined
  return { id, publicKey: text(hello.publicKey) ?? '', signature, signedAt: hello.signedAt, nonce: hello.nonce }
}

function authOf (hello: { readonly [field: string]: unknown }): object | undefined {
  if (typeof hello.auth === 'object' && hello.auth !== null) return hello.auth
  const auth = Object.fromEntries(['token', 'password', 'deviceToken', 'bootstrapToken']
    .map(name => [name, text(hello[name])]).filter(([, value]) => value !== undefined))
  return Object.keys(auth).length > 0 ? auth : undefined
}

/** Connect params with the defaults that the old dialect leaves out; what it does send is validated like any connect. */
export function connectParamsOfHello (frame: HelloFrame): unknown {
  const hello = { ...(typeof frame.params === 'object' && frame.params !== null ? frame.params as object : {}), ...frame } as { readonly [field: string]: unknown }
  const protocol = typeof hello.protocol === 'number' ? hello.protocol : undefined
  const device = deviceOf(hello)
  const auth = authOf(hello)
  return {
    minProtocol: hello.minProtocol ?? protocol ?? 3,
    maxProtocol: hello.maxProtocol ?? protocol ?? 4,
    client: typeof hello.client === 'object' && hello.client !== null ? { ...defaultClient, ...hello.client } : defaultClient,
    role: hello.role ?? 'operator',
    scopes: hello.scopes ?? (hello.role === 'node' ? [] : defaultScopes),
    ...(hello.caps === undefined ? {} : { caps: hello.caps }),
    ...(device ? { device } : {}),
    ...(auth ? { auth } : {})
  }
}
