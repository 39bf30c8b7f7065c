/** Sections that the gateway only passes on, or of which it reads a few keys. */
import { memory } from './memory.ts'
import { group, key, map, optionalGroup } from './node.ts'
import { flag, milliseconds, number, oneOf, open, text, texted, texts, Type, word } from './types.ts'
import type { ReloadClass } from './node.ts'

const section = (help: string, reload: ReloadClass = 'live') => key(open, { default: {}, help, reload })

export const store = group({ help: 'The state database.', reload: 'restart' }, {
  durability: key(oneOf(['full', 'process']), {
    default: 'full',
    failsafe: 'full',
    help: '"full" survives a power cut; "process" only a crash of the gateway, and is faster.'
  })
})

export const env = group({ help: 'Environment variables.', open: true, reload: 'restart' }, {
  vars: key(texted, { default: {}, help: 'Set where the environment has none of that name.', secret: true }),
  shellEnv: group({ help: 'Variables of the login shell.' }, {
    enabled: key(flag, { default: false, help: 'Ask for them.' }),
    timeoutMs: key(milliseconds(1), { default: 15_000, help: 'Time for it.' })
  })
})

export const diagnostics = group({ help: 'Metrics and traces.', open: true, reload: 'live' }, {
  enabled: key(flag, { default: true, help: 'Collect them.' }),
  flags: key(texts, { default: [], help: 'Extra diagnostics by name.' }),
  metrics: group({ help: 'The pages /metrics and /api/diagnostics/prometheus.' }, {
    enabled: key(flag, { default: true, help: 'Serve them.' }),
    access: key(oneOf(['authenticated', 'local']), {
      default: 'authenticated', failsafe: 'authenticated', help: 'Who may read them: callers with operator.read, or also programs of this machine without a credential.'
    })
  }),
  otel: group({ help: 'Export by OpenTelemetry.', open: true }, {
    enabled: key(flag, { default: false, help: 'Switch it on.' }),
    endpoint: key(text, { help: 'Collector; tracesEndpoint, metricsEndpoint and logsEndpoint win over it.' }),
    tracesEndpoint: key(text, { help: 'Collector of traces.' }),
    metricsEndpoint: key(text, { help: 'Collector of metrics.' }),
    logsEndpoint: key(text, { help: 'Collector of logs.' }),
    protocol: key(text, { default: 'http/protobuf', help: '"http/protobuf" or "http/json".' }),
    headers: key(texted, { help: 'Headers of every export.', secret: true }),
    serviceName: key(text, { help: 'Absent: OTEL_SERVICE_NAME, otherwise "openclaw".' }),
    metricNamePrefix: key(text, { help: 'Put before every metric.' }),
    traces: key(flag, { default: true, help: 'Send traces.' }),
    metrics: key(flag, { default: true, help: 'Send metrics.' }),
    logs: key(flag, { default: false, help: 'Send log records, as many as logging.level lets into the file.' }),
    logsExporter: key(oneOf(['otlp', 'stdout', 'both']), { default: 'otlp', help: 'Where log records go: to the collector, as JSON lines to stdout, or both.' }),
    sampleRate: key(number(0, 1), { help: 'Share of the traces that is kept.' }),
    flushIntervalMs: key(milliseconds(1000), { help: 'How often they are sent.' }),
    captureContent: key(Type.Union([flag, open], { title: 'true, false or an object' }), { default: false, failsafe: false, help: 'true: log records are sent with their messages; otherwise only with level, subsystem and facts. Conversations are never sent.' })
  })
})

export const discovery = group({ help: 'Being found in the network.', reload: 'restart' }, {
  mdns: group({ help: 'In the local network.', reload: 'live' }, {
    mode: key(oneOf(['minimal', 'full', 'off']), { default: 'minimal', failsafe: 'off', help: 'What mDNS announces; absent: "minimal" (name, port, TLS) where the bind goes beyond loopback, outside of containers.' })
  }),
  wideArea: group({ help: 'By DNS.', open: true }, { domain: key(text, { help: 'Domain of the records.' }) })
})

export const mcp = group({ help: 'Model Context Protocol.', open: true, reload: 'room:mcp' }, {
  sessionIdleTtlMs: key(number(0, 2 ** 31 - 1), { default: 0, help: 'A server that nobody has used for so long is closed until it is needed; 0: never.' }),
  servers: map({ help: 'Servers by name.' }, group({ help: 'One server.', unit: true, open: true }, {
    command: key(word, { help: 'Program of a server on this machine.' }),
    args: key(texts, { help: 'Its arguments.' }),
    env: key(open, { help: 'Its environment, beside the few names that every program gets.', secret: true }),
    cwd: key(word, { help: 'Its directory; absent: that of the gateway.' }),
    workingDirectory: key(word, { help: 'The same as cwd.' }),
    url: key(word, { help: 'Address of a server elsewhere.' }),
    headers: key(open, { help: 'Headers of every request.', secret: true }),
    transport: key(oneOf(['stdio', 'streamable-http', 'sse', 'http']), { help: 'How it is spoken to; absent: by command or url, over streamable HTTP where it can.' }),
    type: key(word, { help: 'The same as transport, in the words of other programs.' }),
    enabled: key(flag, { help: 'Use it.', failsafe: false }),
    connectionTimeoutMs: key(milliseconds(1), { default: 30_000, help: 'Time to be opened and to say which tools it has.' }),
    requestTimeoutMs: key(milliseconds(1), { default: 60_000, help: 'Time for a call, anew with each sign of progress.' }),
    toolFilter: group({ help: 'Which of its tools are used.' }, {
      include: key(texts, { help: 'Only these; * stands for anything.', failsafe: [] }),
      exclude: key(texts, { default: [], help: 'Not these.', failsafe: ['*'] })
    }),
    auth: key(word, { help: 'How to sign in; oauth is not supported.' })
  }))
})

export const plugins = group({ help: 'Plugins.', open: true, reload: 'room:plugins' }, {
  enabled: key(flag, { default: true, failsafe: false, help: 'Load plugins at all.' }),
  allow: key(texts, { help: 'The only ones that are loaded; absent: all.', failsafe: [] }),
  deny: key(texts, { default: [], help: 'Those that are not.', failsafe: ['*'] }),
  load: group({ help: 'Where they are found.', open: true }, {
    paths: key(texts, { default: [], help: 'Directories of plugins, or their entry files; relative to this file. Nothing else is searched.' }),
    timeoutMs: key(milliseconds(100), { default: 10_000, help: 'Time for one to load.' })
  }),
  slots: key(open, { help: 'Which plugin fills which role.' }),
  entries: map({ help: 'Settings by plugin.' }, group({ help: 'One plugin.', unit: true, open: true }, {
    enabled: key(flag, { help: 'Load it.', failsafe: false }),
    config: key(open, { help: 'What the plugin itself reads.' })
  }))
})

export const skills = group({ help: 'Skills.', open: true, reload: 'live' }, {
  entries: map({ help: 'Settings by skill.' }, optionalGroup({ help: 'One skill.', open: true }, { enabled: key(flag, { help: 'Offer it.', failsafe: false }) }))
})

export const meta = section('Who wrote this file last.', 'none')
export const wizard = section('What setup did last.', 'none')

export const others = {
  update: section('Updates.'),
  telemetry: section('Telemetry; nothing is ever sent by this gateway.'),
  browser: section('The browser that agents drive.', 'restart'),
  ui: section('Look of the control UI.', 'none'),
  nodeHost: group({ help: 'This machine as a node (openclaw node run).', open: true, reload: 'none' }, {
    skills: group({ help: 'Skills in the state directory of the node.' }, {
      enabled: key(flag, { default: true, failsafe: false, help: 'Tell gateways of them.' })
    })
  }),
  worktreeAcceleration: section('Worktrees of coding agents.'),
  security: section('Security policies.'),
  tts: section('Speech.', 'room:channels'),
  approvals: section('Where requests for approval go.'),
  talk: section('Talking.'),
  cloudWorkers: section('Workers elsewhere.'),
  desktop: section('The desktop of this machine.'),
  memory,
  surfaces: section('Surfaces of plugins.', 'room:channels'),
  proxy: section('Proxy for outgoing requests.', 'restart'),
  audio: section('Sound; see tools.media.'),
  web: section('WhatsApp web; see channels.whatsapp.', 'room:channels'),
  tui: section('The terminal interface.', 'none'),
  identity: section('Identity of the default agent.', 'none'),
  canvasHost: section('Canvas.', 'restart')
}
