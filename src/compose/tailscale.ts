import { createTailscaleCheck, type TailscaleCheck, type TailscaleMode, type Whois } from '../auth/tailscale.ts'
import type { GatewayAuth } from '../auth/gateway-auth.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { PartOptions } from './parts.ts'

export interface Tailscale {
  readonly mode: () => TailscaleMode
  readonly check: TailscaleCheck
}

export interface TailscaleOptions extends Pick<PartOptions, 'env' | 'tailscale'> {
  readonly config: () => GatewayConfig
  readonly auth: () => GatewayAuth
  readonly now: () => number
}

export function composeTailscale ({ env, tailscale, config, auth, now }: TailscaleOptions): Tailscale {
  const mode = (): TailscaleMode => (tailscale ?? config().tailscale.mode) as TailscaleMode
  let loading: Promise<Whois> | undefined
  /** Nobody but those whom tailscale serve sends needs it. */
  const load = async (): Promise<Whois> => {
    const { createWhois, tailscaledSocket } = await import('../host/tailscale-whois.ts')
    return createWhois({ socketPath: tailscaledSocket(env, process.platform), now })
  }
  return {
    mode,
    check: createTailscaleCheck({
      mode,
      allowed: () => config().auth.allowTailscale,
      authMode: () => auth().mode,
      whois: async address => await (await (loading ??= load()))(address)
    })
  }
}
