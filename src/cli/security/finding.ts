/** What `openclaw security audit` looks at, and what it says. The ids are those that people and scripts know. */
import { resolveBind } from '../../lib/bind-address.ts'
import type { LocalSettings } from '../local-settings.ts'

export type AuditSeverity = 'critical' | 'warn' | 'info'

export interface AuditFinding {
  readonly checkId: string
  readonly severity: AuditSeverity
  readonly title: string
  readonly detail: string
  readonly remediation?: string
  /** Only rights of files are changed by the audit itself. */
  readonly repair?: () => Promise<string>
}

export interface Exposure {
  /** Reached from other machines: by its address, or through Tailscale. */
  readonly isExposed: boolean
  readonly bind: string
  readonly authMode: 'none' | 'token' | 'password' | 'trusted-proxy'
  readonly token: string | undefined
  readonly password: string | undefined
}

const given = (value: string | undefined): string | undefined => value?.trim() || undefined

export interface Credentials { readonly auth?: Exposure['authMode'] | undefined, readonly token?: string | undefined, readonly password?: string | undefined }

/** As the gateway would start with this configuration in these surroundings. */
export function exposureOf (settings: LocalSettings, flags: Credentials): Exposure {
  const { loaded, auth, env, generatedToken } = settings
  const { gateway } = loaded.config
  const resolved = resolveBind({ bind: gateway.bind, customBindHost: gateway.customBindHost, env })
  const token = flags.token ?? auth.token ?? given(env['OPENCLAW_GATEWAY_TOKEN']) ?? generatedToken
  const password = flags.password ?? auth.password ?? given(env['OPENCLAW_GATEWAY_PASSWORD'])
  return {
    isExposed: typeof resolved === 'string' || resolved.beyondLoopback || gateway.tailscale.mode !== 'off',
    bind: gateway.bind,
    authMode: flags.auth ?? auth.mode ?? (password && !auth.token ? 'password' : 'token'),
    token,
    password
  }
}
