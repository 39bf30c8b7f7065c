/** Who gets in, and from where. */
import type { LocalSettings } from '../local-settings.ts'
import type { AuditFinding, AuditSeverity, Exposure } from './finding.ts'

type Row = readonly [when: boolean, checkId: string, severity: AuditSeverity, title: string, detail: string, remediation?: string]

export const rows = (all: readonly Row[]): AuditFinding[] => all.filter(([when]) => when)
  .map(([, checkId, severity, title, detail, remediation]) =>
    ({ checkId, severity, title, detail, ...(remediation === undefined ? {} : { remediation }) }))

const leastTokenLength = 24

function authRows (settings: LocalSettings, { isExposed, bind, authMode, token, password }: Exposure): Row[] {
  const { gateway } = settings.loaded.config
  const hasSecret = (authMode === 'token' && token !== undefined) || (authMode === 'password' && password !== undefined) || authMode === 'trusted-proxy'
  const setToken = 'Set gateway.auth.mode to "token" with a long random gateway.auth.token.'
  const tooShort = authMode === 'token' && token !== undefined && token.length < leastTokenLength
  return [
    [isExposed && !hasSecret, 'gateway.bind_no_auth', 'critical', 'The gateway is reached from other machines without a secret', `bind=${bind}, auth=${authMode}.`, setToken],
    [!isExposed && authMode === 'none', 'gateway.loopback_no_auth', 'critical', 'Every program on this machine is an operator',
      'Also a page in a browser, or a proxy in front, comes from this machine.', setToken],
    [authMode === 'none', 'gateway.http.no_auth', isExposed ? 'critical' : 'warn', 'The HTTP interfaces ask for no credential',
      'That includes /tools/invoke and everything below /v1.', setToken],
    [tooShort, 'gateway.token_too_short', 'warn', 'The token of the gateway is short', `It has ${token?.length ?? 0} characters.`, 'openssl rand -hex 24 makes a good one.'],
    [isExposed && gateway.auth.rateLimit.maxAttempts > 100, 'gateway.auth_no_rate_limit', 'warn', 'Secrets may be guessed quickly',
      `gateway.auth.rateLimit.maxAttempts is ${gateway.auth.rateLimit.maxAttempts}.`, 'Lower it; the default is 10.'],
    [gateway.auth.urlToken === 'always', 'gateway.url_token_always', 'warn', 'Tokens in URLs are accepted from everywhere',
      'URLs end up in logs and histories.', 'Set gateway.auth.urlToken to "local" or "off".'],
    [typeof gateway.auth.password === 'string' && !gateway.auth.password.startsWith('$'), 'config.secrets.gateway_password_in_config', 'warn',
      'The password stands in the configuration', 'Whoever reads the file has it.', 'Use a secret reference, or OPENCLAW_GATEWAY_PASSWORD in the .env of the state directory.']
  ]
}

function proxyRows ({ loaded }: LocalSettings, { isExposed, authMode }: Exposure): Row[] {
  const { gateway } = loaded.config
  const proxy = gateway.auth.trustedProxy
  const isProxied = authMode === 'trusted-proxy'
  const everybody = gateway.trustedProxies.filter(range => /\/0$/.test(range))
  return [
    [isProxied, 'gateway.trusted_proxy_auth', 'warn', 'Who comes in is what the proxy says', 'Nothing but the proxy may reach the port of the gateway.',
      'Bind it to an address that only the proxy reaches.'],
    [isProxied && gateway.trustedProxies.length === 0, 'gateway.trusted_proxy_no_proxies', 'critical', 'No proxy is named that may vouch for users',
      'gateway.trustedProxies is empty.', 'Add the address of the proxy.'],
    [isProxied && !proxy?.userHeader, 'gateway.trusted_proxy_no_user_header', 'critical', 'No header is named that carries the user',
      'gateway.auth.trustedProxy.userHeader is missing.', 'Name it.'],
    [isProxied && (proxy?.allowUsers ?? []).length === 0, 'gateway.trusted_proxy_no_allowlist', 'warn', 'Every user that the proxy knows comes in',
      'gateway.auth.trustedProxy.allowUsers is empty.', 'Name those who may.'],
    [everybody.length > 0, 'gateway.trusted_proxies_everybody', 'critical', 'Forwarding headers of everybody are believed',
      `gateway.trustedProxies has ${everybody.join(', ')}.`, 'Name the addresses of the proxies.'],
    [gateway.allowRealIpFallback, 'gateway.real_ip_fallback_enabled', isExposed ? 'critical' : 'warn', 'X-Real-IP is believed',
      'A proxy that does not overwrite it lets callers choose their address.', 'Set gateway.allowRealIpFallback to false.']
  ]
}

function uiRows ({ loaded }: LocalSettings, { isExposed }: Exposure): Row[] {
  const { controlUi } = loaded.config.gateway
  const worse = isExposed ? 'critical' : 'warn'
  const flags = (['allowInsecureAuth', 'dangerouslyAllowHostHeaderOriginFallback', 'dangerouslyDisableDeviceAuth'] as const).filter(name => controlUi[name])
  return [
    [controlUi.allowedOrigins.includes('*'), 'gateway.control_ui.allowed_origins_wildcard', worse, 'Pages of every site may connect',
      'gateway.controlUi.allowedOrigins has "*".', 'Name the origins of your own pages.'],
    [controlUi.dangerouslyAllowHostHeaderOriginFallback, 'gateway.control_ui.host_header_origin_fallback', worse, 'The origin of pages is taken from a header',
      'A page that rebinds DNS passes for one of the gateway.', 'Set gateway.controlUi.allowedOrigins in its place.'],
    [controlUi.allowInsecureAuth === true, 'gateway.control_ui.insecure_auth', 'warn', 'gateway.controlUi.allowInsecureAuth is set', 'It weakens who a browser is.', 'Remove it.'],
    [controlUi.dangerouslyDisableDeviceAuth, 'gateway.control_ui.device_auth_disabled', 'critical', 'Browsers need no device identity',
      'gateway.controlUi.dangerouslyDisableDeviceAuth is set.', 'Remove it, and pair the browser.'],
    [flags.length > 0, 'config.insecure_or_dangerous_flags', 'warn', 'Switches that are named insecure or dangerous are on',
      flags.map(name => `gateway.controlUi.${name}`).join(', '), 'Remove what is not needed any more.']
  ]
}

function reachRows ({ loaded }: LocalSettings, { isExposed }: Exposure): Row[] {
  const { gateway, discovery } = loaded.config
  const { mode } = gateway.tailscale
  return [
    [mode === 'funnel', 'gateway.tailscale_funnel', 'critical', 'The gateway is open to the whole internet', 'gateway.tailscale.mode is "funnel".', 'Use "serve".'],
    [mode === 'serve', 'gateway.tailscale_serve', 'info', 'The gateway is reached inside the tailnet', 'gateway.tailscale.mode is "serve".'],
    [gateway.tools.allow.length > 0, 'gateway.tools_invoke_http.dangerous_allow', isExposed ? 'critical' : 'warn', 'Tools that are refused over HTTP are allowed',
      `gateway.tools.allow: ${gateway.tools.allow.slice(0, 10).join(', ')}.`, 'Remove those that nobody calls over HTTP.'],
    [discovery.mdns.mode === 'full', 'discovery.mdns_full_mode', isExposed ? 'critical' : 'warn', 'More than necessary is announced in the local network',
      'discovery.mdns.mode is "full".', 'Set it to "minimal" or "off".']
  ]
}

export const auditGateway = (settings: LocalSettings, exposure: Exposure): AuditFinding[] => rows([
  ...authRows(settings, exposure), ...proxyRows(settings, exposure), ...uiRows(settings, exposure), ...reachRows(settings, exposure)
])
