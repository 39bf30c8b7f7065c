import { group, key, map, optionalGroup } from './node.ts'
import { flag, integer, number, oneOf, open, seconds, secret, secretInput, text, texted, texts, Type, word } from './types.ts'

const model = Type.Object({
  id: word,
  name: Type.Optional(text),
  reasoning: Type.Optional(flag),
  input: Type.Optional(texts),
  contextWindow: Type.Optional(integer(1)),
  maxTokens: Type.Optional(integer(1)),
  cost: Type.Optional(Type.Object({
    input: Type.Optional(number(0)),
    output: Type.Optional(number(0)),
    cacheRead: Type.Optional(number(0)),
    cacheWrite: Type.Optional(number(0))
  })),
  compat: Type.Optional(open)
}, { title: 'a model {id, name, contextWindow, maxTokens, cost, …}' })

const provider = group({ help: 'One provider.', unit: true, open: true }, {
  baseUrl: key(text, { help: 'Its address.' }),
  apiKey: secret('Its key.'),
  auth: key(oneOf(['api-key', 'aws-sdk', 'oauth', 'token']), { help: 'How it is called.' }),
  api: key(text, { help: 'What it speaks: openai-completions, openai-responses, anthropic-messages, google-generative-ai, …' }),
  headers: key(Type.Record(text, secretInput), { help: 'Headers of every request.', secret: true }),
  authHeader: key(flag, { help: 'Send the key as Authorization: Bearer.' }),
  timeoutSeconds: key(seconds(0), { help: 'Time for one request.' }),
  maxTokens: key(integer(1), { help: 'Tokens of one reply.' }),
  request: optionalGroup({ help: 'Details of the connection.', open: true }, {
    headers: key(Type.Record(text, secretInput), { help: 'More headers.', secret: true }),
    auth: key(open, { help: 'Another way to authenticate.', secret: true }),
    proxy: key(open, { help: 'A proxy.' }),
    tls: key(open, { help: 'Certificates.' }),
    allowPrivateNetwork: key(flag, { help: 'The address may be inside the own network.' })
  }),
  params: key(open, { help: 'Parameters of every request.' }),
  localService: key(open, { help: 'A server on this machine that is started on demand.' }),
  models: key(Type.Array(model), { default: [], help: 'Its models.' })
})

export const models = group({ help: 'Model providers.', open: true, reload: 'room:providers' }, {
  mode: key(oneOf(['merge', 'replace']), { default: 'merge', help: 'Add to the known providers, or replace them.' }),
  providers: map({ help: 'Providers by id.' }, provider)
})

const envProvider = { allowlist: key(texts, { help: 'Names that may be read; absent: all; empty: none.', failsafe: [] }) }
const fileProvider = {
  path: key(word, { help: 'The file.' }),
  mode: key(oneOf(['json', 'singleValue']), { help: 'A JSON document (default), or the whole file as one value.' }),
  maxBytes: key(integer(1, 20 * 1024 * 1024), { help: 'Size that is read; absent: 1 MiB.' })
}
const execProvider = {
  command: key(word, { help: 'Absolute path of the program.' }),
  args: key(texts, { help: 'Its arguments.' }),
  env: key(texted, { help: 'Its environment.', secret: true }),
  passEnv: key(texts, { help: 'Variables that it gets from ours.' }),
  trustedDirs: key(texts, { help: 'Directories that the program must be in.', failsafe: [] }),
  allowSymlinkCommand: key(flag, { help: 'The path may be a symbolic link.' }),
  noOutputTimeoutMs: key(integer(1, 120_000), { help: 'Time without output; absent: timeoutMs.' }),
  maxOutputBytes: key(integer(1, 20 * 1024 * 1024), { help: 'Size of the answer; absent: 1 MiB.' }),
  jsonOnly: key(flag, { help: 'false: plain output is the value when one id is asked for.' })
}

export const secrets = group({ help: 'Where credentials come from.', open: true, reload: 'room:secrets' }, {
  defaults: group({ help: 'Provider of a SecretRef that names none.' }, {
    env: key(word, { default: 'default', help: 'For source "env".' }),
    file: key(word, { default: 'default', help: 'For source "file".' }),
    exec: key(word, { default: 'default', help: 'For source "exec".' }),
    store: key(word, { default: 'default', help: 'For source "store".' })
  }),
  providers: map({ help: 'Providers by alias.' }, group({ help: 'One provider.', unit: true, open: true }, {
    source: key(oneOf(['env', 'file', 'exec', 'store']), { help: 'Kind of it.' }),
    timeoutMs: key(integer(1, 120_000), { help: 'Time for one resolution; absent: 5000.' }),
    ...envProvider,
    ...fileProvider,
    ...execProvider
  }))
})

export const auth = group({ help: 'Accounts at model providers.', open: true, reload: 'live' }, {
  order: key(open, { default: {}, help: 'Which account is tried first, per provider.' }),
  profiles: key(open, { default: {}, help: 'Accounts by id.' })
})
