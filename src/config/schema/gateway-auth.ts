import { group, key, optionalGroup } from './node.ts'
import { flag, integer, milliseconds, oneOf, open, secret, text, texts, Type, word } from './types.ts'
import { addressRangeProblem } from './network.ts'

const sshVerify = Type.Union([
  flag,
  Type.Object({
    user: Type.Optional(text),
    identity: Type.Optional(text),
    timeoutMs: Type.Optional(integer(1)),
    cidrs: Type.Optional(texts)
  })
], { title: 'true, false or {user, identity, timeoutMs, cidrs}' })

export const auth = group({ help: 'Who may call.', reload: 'restart' }, {
  mode: key(oneOf(['none', 'token', 'password', 'trusted-proxy']), {
    help: 'Unset: "password" when a password is configured, otherwise "token".',
    critical: true
  }),
  token: secret('The shared token. OPENCLAW_GATEWAY_TOKEN is used when this is absent.', { critical: true, reload: 'room:auth' }),
  password: secret('The shared password. OPENCLAW_GATEWAY_PASSWORD is used when this is absent.', { critical: true, reload: 'room:auth' }),
  allowTailscale: key(flag, {
    help: 'Let in whom tailscale serve names and tailscaled confirms. Unset: only with tailscale.mode "serve" and neither password nor trusted-proxy.',
    critical: true,
    reload: 'live'
  }),
  urlToken: key(oneOf(['local', 'off', 'always']), {
    default: 'local',
    help: 'From where ?token= in a URL is accepted: callers on this machine, nobody, or everybody.',
    critical: true,
    reload: 'live'
  }),
  identityScopes: key(open, { default: {}, help: 'Extra scopes per identity of a proxy or tailscale user.', critical: true, reload: 'live' }),
  rateLimit: group({ help: 'Failed attempts, per scope and client address.', reload: 'room:auth' }, {
    maxAttempts: key(integer(1), { default: 10, help: 'Failures inside the window before a lockout.', critical: true }),
    windowMs: key(milliseconds(1), { default: 60_000, help: 'Length of the window.', critical: true }),
    lockoutMs: key(milliseconds(0), { default: 300_000, help: 'Length of a lockout.', critical: true }),
    exemptLoopback: key(flag, { default: true, help: 'Slow loopback callers down instead of locking them out.', critical: true })
  }),
  trustedProxy: optionalGroup({ help: 'How a proxy in front of us names the user (mode "trusted-proxy").', reload: 'room:auth' }, {
    userHeader: key(word, { default: 'x-forwarded-user', help: 'Header that carries the user.', critical: true }),
    requiredHeaders: key(texts, { default: [], help: 'Headers that every proxied request must carry.', critical: true }),
    allowUsers: key(texts, { default: [], help: 'Users that may come in; empty means all that the proxy sends.', critical: true }),
    allowLoopback: key(flag, { default: false, help: 'The proxy runs on this machine.', critical: true }),
    cloudflareAccessOidc: key(open, { help: 'Issuer and claims that bind a GitHub identity.', critical: true }),
    deviceAutoApprove: optionalGroup({ help: 'Approve browser devices of proxy users by themselves.' }, {
      enabled: key(flag, { default: false, help: 'Switch it on.', critical: true }),
      scopes: key(texts, {
        default: ['operator.read', 'operator.write', 'operator.approvals', 'operator.questions'],
        help: 'The most that is approved this way.',
        critical: true
      })
    })
  })
})

export const pairing = group({ help: 'Pairing of devices.', reload: 'live' }, {
  scopeSurplus: key(oneOf(['pending', 'connect']), {
    default: 'pending',
    help: 'A paired device asks for more: refuse until approved, or let it in with what it has and file the surplus.'
  }),
  maxPending: key(integer(1), { default: 100, help: 'Pairing requests that may wait at the same time.' }),
  maxPendingPerAddress: key(integer(1), { default: 20, help: 'The same from one client address.' })
})

export const roles = optionalGroup({ help: 'Ceilings for identified users.', reload: 'live' }, {
  default: key(text, { help: 'Role of users without one.', critical: true }),
  definitions: key(open, { default: {}, help: 'Scopes of each role.', critical: true })
})

export const nodes = group({ help: 'Nodes: phones, browsers and other machines that lend us commands.', reload: 'live' }, {
  browser: group({ help: 'Which node drives a browser.' }, {
    mode: key(oneOf(['auto', 'manual', 'off']), { default: 'auto', help: 'Choose by itself, only the named node, or none.' }),
    node: key(text, { help: 'The node for mode "manual".' })
  }),
  pairing: group({ help: 'How nodes pair for the first time.' }, {
    autoApproveLocal: key(flag, { default: true, failsafe: false, help: 'Approve nodes of this machine by themselves.' }),
    autoApproveCidrs: key(texts, { default: [], help: 'Approve nodes from these networks by themselves.', checkItem: addressRangeProblem }),
    sshVerify: key(sshVerify, { default: true, failsafe: false, help: 'Verify a new node by asking it over SSH.' })
  }),
  pluginTools: group({ help: 'Tools of plugins on nodes.' }, {
    enabled: key(flag, { default: true, help: 'Offer them.' })
  }),
  allowSkills: key(flag, { default: true, failsafe: false, help: 'Nodes may bring skills.' }),
  commands: group({ help: 'Which commands nodes may be asked for.' }, {
    allow: key(texts, { default: [], help: 'Added to what a platform allows.' }),
    deny: key(texts, { default: [], failsafe: ['*'], help: 'Taken away; wins over allow.' })
  })
})

export const remote = optionalGroup({ help: 'The gateway that commands of this machine talk to when gateway.mode is "remote".', reload: 'none' }, {
  enabled: key(flag, { help: 'Use it.' }),
  url: key(text, { help: 'ws:// or wss:// address.' }),
  transport: key(oneOf(['direct', 'ssh']), { help: 'Connect straight, or through an SSH tunnel.' }),
  remotePort: key(integer(1, 65_535), { help: 'Port at the far end of the tunnel.' }),
  token: secret('Token of that gateway.', { reload: 'live' }),
  password: secret('Password of that gateway.', { reload: 'live' }),
  edgeAuth: key(open, { help: 'Headers for a proxy in front of it.' }),
  tlsFingerprint: key(text, { help: 'SHA-256 of its certificate.' }),
  sshTarget: key(text, { help: 'user@host of the tunnel.' }),
  sshIdentity: key(text, { help: 'Key file of the tunnel.' }),
  sshHostKeyPolicy: key(text, { help: 'How strict SSH is about an unknown host.' })
})
