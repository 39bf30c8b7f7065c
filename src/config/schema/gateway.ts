import { group, key, optionalGroup } from './node.ts'
import { flag, integer, milliseconds, oneOf, open, seconds, secret, text, texts, timerMinutes, Type } from './types.ts'
import { addressRangeProblem, bindProblem, ipv4Problem, normalizeBind, originProblem, publicOriginProblem } from './network.ts'
import { auth, nodes, pairing, remote, roles } from './gateway-auth.ts'
import { dataPlane } from './data-plane.ts'
import { http } from './gateway-http.ts'

const controlUi = group({ help: 'The web interface on this port.', reload: 'live' }, {
  enabled: key(flag, { default: true, help: 'Serve it.' }),
  basePath: key(Type.String({ pattern: '^(/[^\\s?#]*[^\\s?#/])?$', title: 'a path such as "/ui", or ""' }), {
    default: '',
    help: 'Path below which it is served.',
    reload: 'restart'
  }),
  root: key(text, { help: 'Directory of another build of it.', reload: 'restart' }),
  allowedOrigins: key(texts, {
    default: [],
    help: 'Origins of browsers that may connect; localhost origins are added for binds beyond loopback.',
    checkItem: originProblem
  }),
  allowInsecureAuth: key(flag, {
    default: false,
    help: 'Retired: control UI over plain HTTP without a device identity.',
    retired: 'is retired; open the control UI over https:// or from this machine, where browsers can keep a device key',
    reload: 'restart'
  }),
  dangerouslyAllowHostHeaderOriginFallback: key(flag, {
    default: false,
    help: 'Accept an Origin that equals the Host header, whatever it is.',
    critical: true
  }),
  dangerouslyDisableDeviceAuth: key(flag, {
    default: false,
    help: 'Retired: control UI without device identities.',
    retired: 'is retired; pair the browser instead',
    critical: true,
    reload: 'restart'
  }),
  environment: optionalGroup({ help: 'A mark that tells one gateway from another.' }, {
    label: key(Type.String({ minLength: 1, maxLength: 24 }), { help: 'Short text.' }),
    color: key(text, { help: 'Its colour.' })
  }),
  communityInvite: key(flag, { default: true, help: 'Show the invitation to the community.' }),
  sessionObserver: key(flag, { default: true, help: 'Let the interface watch running sessions.' }),
  automaticallyFetchFavicons: key(flag, { default: true, help: 'Show icons of linked sites.' }),
  embedSandbox: key(oneOf(['strict', 'scripts', 'trusted']), { default: 'scripts', failsafe: 'strict', help: 'What embedded content may do.' }),
  allowExternalEmbedUrls: key(flag, { default: false, help: 'Embed pages of other sites.' }),
  experimental: group({ help: 'Trials.' }, { customPlugins: key(flag, { default: false, help: 'Plugins of the interface.' }) }),
  github: group({ help: 'GitHub in the interface.' }, { token: secret('Token for the GitHub API.') })
})

const tailscale = group({ help: 'Tailscale in front of the port: the gateway runs its program once it is ready.', reload: 'restart' }, {
  mode: key(oneOf(['off', 'serve', 'funnel']), { default: 'off', help: 'Not at all, inside the tailnet, or (in auth mode "password") to the whole internet.', critical: true }),
  preserveFunnel: key(flag, { default: false, help: 'Begin no serve where there is a funnel already.' }),
  resetOnExit: key(flag, { default: false, help: 'Take serve or funnel back when the gateway stops.' })
})

const tls = group({ help: 'TLS on the port itself.', reload: 'restart' }, {
  enabled: key(flag, { default: false, help: 'Speak https:// and wss://.', critical: true }),
  autoGenerate: key(flag, { default: true, help: 'Make a certificate when none is given.', critical: true }),
  certPath: key(text, { help: 'Certificate in PEM.', critical: true }),
  keyPath: key(text, { help: 'Its key in PEM.', critical: true }),
  caPath: key(text, { help: 'Chain in PEM.', critical: true })
})

const limits = group({ help: 'How many sockets are held.', reload: 'live' }, {
  preauthPerAddress: key(integer(1), { default: 128, help: 'Sockets of one client address that have not connected yet.' }),
  preauthTotal: key(integer(1), { default: 1024, help: 'The same of all addresses.' }),
  maxConnections: key(integer(1), { default: 10_000, help: 'Connected clients.' })
})

const percent = integer(10, 100)
const overload = group({ help: 'What happens when the machine has no more to give.', reload: 'live' }, {
  softHeapPercent: key(percent, { default: 80, help: 'Share of the heap of JavaScript above which nothing new is begun.' }),
  hardHeapPercent: key(percent, { default: 95, help: 'Share above which the gateway ends in good order (exit code 75), for its supervisor to begin it anew.' }),
  softRssMb: key(integer(1), { help: 'The same as the first for all memory of the process; absent: 85 % of what a container may have.' }),
  hardRssMb: key(integer(1), { help: 'The same as the second for all memory of the process; absent: 95 % of what a container may have.' }),
  maxDelayMs: key(milliseconds(0), { default: 2_000, help: 'How late the event loop may be before nothing new is begun; 0: as late as it likes.' })
})

export const gateway = group({ help: 'The daemon and its port.', reload: 'restart' }, {
  mode: key(oneOf(['local', 'remote']), { help: '"local" runs the gateway here; "remote" talks to gateway.remote.', critical: true }),
  port: key(integer(1, 65_535), { default: 18_789, help: 'The one TCP port. --port and OPENCLAW_GATEWAY_PORT win over it.', critical: true }),
  bind: key(text, {
    default: 'loopback',
    help: 'loopback, lan, tailnet, auto, custom, or an IP address of this machine.',
    normalize: normalizeBind,
    check: bindProblem,
    critical: true
  }),
  customBindHost: key(text, { help: 'IPv4 address for bind "custom".', check: ipv4Problem, critical: true }),
  publicOrigin: key(text, { help: 'The https:// origin under which people reach this gateway.', check: publicOriginProblem, reload: 'live' }),
  portals: group({ help: 'Portals.' }, { ingress: key(open, { help: 'Domain and port of the ingress.' }) }),
  controlUi,
  cliAgents: group({ help: 'Agents that are command-line programs.', reload: 'live' }, { enabled: key(flag, { default: true, help: 'Offer them.' }) }),
  terminal: group({ help: 'The terminal of the control UI.', reload: 'live' }, {
    enabled: key(flag, { default: true, failsafe: false, help: 'Offer it (to administrators).' }),
    shell: key(text, { help: 'Program to start; absent: the login shell.' }),
    detachedSessionTimeoutSeconds: key(seconds(0), { default: 300, help: 'How long a shell without a viewer lives.' })
  }),
  auth,
  pairing,
  roles,
  trustedProxies: key(texts, {
    default: [],
    help: 'Addresses of proxies whose forwarding headers are believed.',
    checkItem: addressRangeProblem,
    critical: true,
    reload: 'live'
  }),
  allowRealIpFallback: key(flag, { default: false, help: 'Use X-Real-IP of a trusted proxy without X-Forwarded-For.', critical: true, reload: 'live' }),
  tools: group({ help: 'Tools over HTTP.', reload: 'live' }, {
    deny: key(texts, { default: [], failsafe: ['*'], help: 'Refused in addition to the built-in list.' }),
    allow: key(texts, { default: [], help: 'Taken off the built-in list.' })
  }),
  tailscale,
  remote,
  reload: group({ help: 'What happens when the file changes.', reload: 'none' }, {
    mode: key(oneOf(['off', 'hot', 'restart', 'hybrid']), {
      default: 'hybrid',
      help: 'Nothing, only what needs no restart, a restart for everything, or each as it needs.'
    }),
    debounceMs: key(milliseconds(0), { default: 300, help: 'Quiet time after the last change.' }),
    deferralTimeoutMs: key(milliseconds(0), { default: 300_000, help: 'How long a restart waits for runs; 0 waits for ever.' })
  }),
  tls,
  http,
  dataPlane,
  push: group({ help: 'Push messages to phones.', reload: 'live' }, {
    apns: group({ help: 'Apple devices.' }, {
      relay: group({ help: 'The relay that holds the keys.' }, {
        baseUrl: key(text, { help: 'Its address.' }),
        timeoutMs: key(milliseconds(1), { default: 10_000, help: 'Time for one push.' })
      })
    })
  }),
  nodes,
  limits,
  overload,
  handshakeTimeoutMs: key(milliseconds(1), { default: 15_000, help: 'Time from opening a socket to a finished connect.', reload: 'live' }),
  channelHealthCheckMinutes: key(timerMinutes(0), { default: 5, help: 'How often channels are checked; 0 switches it off.', reload: 'room:channels' }),
  channelStaleEventThresholdMinutes: key(timerMinutes(0), { default: 30, help: 'A channel without any traffic for so long is stale; 0: never.', reload: 'room:channels' }),
  channelMaxRestartsPerHour: key(integer(1), { default: 10, help: 'Automatic restarts of one channel account.', reload: 'room:channels' }),
  channelRestartCooldownMinutes: key(timerMinutes(0), { help: 'Time between two restarts by the monitor; absent: one check.', reload: 'room:channels' }),
  crashLoop: group({ help: 'What the gateway does when it ends without a word again and again.', reload: 'none' }, {
    maxUncleanStarts: key(integer(0), {
      default: 3,
      help: 'After so many such starts, the next begins no channels, jobs, heartbeats and services of plugins by itself until the time is over; 0: never.'
    }),
    windowMinutes: key(timerMinutes(1), { default: 5, help: 'Within which time they count.' })
  }),
  shutdown: group({ help: 'How the gateway stops.', reload: 'live' }, {
    drainMs: key(milliseconds(0), { default: 5_000, help: 'Time that work in flight gets before it is checkpointed or cut.' })
  })
})
