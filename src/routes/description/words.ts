/** What routes are for and what they take and give, by the pattern under which each is registered. */

type Json = { readonly [field: string]: unknown }

export interface RouteWords {
  readonly summary: string
  readonly description?: string
  readonly query?: { readonly [name: string]: string }
  readonly body?: Json
  /** The body may be left out. */
  readonly mayBeEmpty?: true
  readonly answer?: Json
  /** When the answer may be an event stream: what is in it. */
  readonly streams?: string
  readonly statuses?: { readonly [status: string]: string }
}

const text: Json = { type: 'string' }
const flag: Json = { type: 'boolean' }
const whole: Json = { type: 'integer', minimum: 0 }
const object = (properties: Json, required: readonly string[] = []): Json =>
  ({ type: 'object', properties, ...(required.length > 0 ? { required } : {}) })
const list = (items: Json): Json => ({ type: 'array', items })

const usage = object({ prompt_tokens: whole, completion_tokens: whole, total_tokens: whole })
const part = object({
  type: { enum: ['text', 'image', 'audio', 'voice', 'file', 'video', 'location', 'link'] },
  text,
  image: object({ url: text, data: text, format: text, detail: text }),
  audio: object({ url: text, data: text, format: { enum: ['wav', 'mp3'] } }),
  file: object({ url: text, data: text, filename: text, format: text, file_id: text }),
  location: object({ latitude: { type: 'number' }, longitude: { type: 'number' }, name: text }),
  link: object({ url: text, title: text })
}, ['type'])

const message = object({
  channel: text,
  from: text,
  to: text,
  thread: text,
  message_id: text,
  text,
  content_parts: list(part),
  user_id: text,
  session_id: text,
  request_id: text,
  model: text,
  request_system_prompt: text,
  request_late_context_prompt: text,
  extensions: { type: 'object' },
  detach: flag,
  stream_options: object({ progress_after_text_delta: flag, queue_events: flag })
})

const messageStatuses = {
  400: 'Something about the message is wrong; error.type is invalid_request or invalid_model.',
  409: 'The id belongs to another message.',
  413: 'Too large.',
  429: 'Too many messages wait; Retry-After says how long.'
}

const history: RouteWords = {
  summary: 'Messages of a session, oldest first',
  query: { limit: 'At most so many, up to 1000.', cursor: 'nextCursor of the page before.', maxChars: 'Characters of each text.', agentId: 'Whose session it is.' },
  answer: object({ sessionKey: text, sessionId: text, items: list({ type: 'object' }), messages: list({ type: 'object' }), hasMore: flag, nextCursor: text }),
  statuses: { 404: 'There is no such session.' }
}

const probe = (summary: string): RouteWords => ({ summary, answer: { type: 'object' } })

export const routeWords: { readonly [route: string]: RouteWords } = {
  'GET /': { summary: 'Where to go from here', answer: { type: 'object' } },
  'GET /health': probe('Alive'),
  'GET /healthz': probe('Alive'),
  'GET /ready': probe('Ready to serve; 503 while not'),
  'GET /readyz': probe('Ready to serve; 503 while not'),
  'GET /startup': probe('Started; 503 while not'),
  'GET /startupz': probe('Started; 503 while not'),
  'GET /openapi.json': { summary: 'This document', answer: { type: 'object' } },
  'GET /control-ui-config.json': { summary: 'What a web interface asks before it connects', answer: { type: 'object' } },
  'GET /api/device/nonce': { summary: 'A single-use nonce for a signed connect', answer: object({ nonce: text }) },
  'POST /api/device/nonce': { summary: 'A single-use nonce for a signed connect', answer: object({ nonce: text }) },
  'POST /mcp': {
    summary: 'The gateway as an MCP server, over streamable HTTP',
    description: 'JSON-RPC of the Model Context Protocol: initialize, ping, tools/list, tools/call. Served when gateway.http.endpoints.mcp.enabled says so.',
    body: object({ jsonrpc: { const: '2.0' }, id: { type: ['string', 'integer'] }, method: text, params: { type: 'object' } }, ['jsonrpc', 'method']),
    answer: object({ jsonrpc: { const: '2.0' }, id: { type: ['string', 'integer', 'null'] }, result: { type: 'object' }, error: { type: 'object' } }),
    statuses: { 202: 'A notification was taken.', 400: 'This is no request of the protocol.' }
  },
  'POST /tools/invoke': {
    summary: 'Call a tool',
    body: object({ tool: text, name: text, action: text, args: { type: 'object' }, sessionKey: text, agentId: text, idempotencyKey: text, dryRun: flag }),
    answer: object({ ok: flag, result: { type: 'object' } }),
    statuses: { 400: 'The call or its arguments are wrong.', 404: 'There is no such tool, or it is not open to this caller.' }
  },
  'POST /v1/gateway/messages': {
    summary: 'Send a message and wait for the reply',
    body: message,
    answer: object({
      session_id: text,
      request_id: text,
      reply: text,
      usage,
      ignored: flag,
      uploads: list(object({ file_id: text, filename: text, bytes: whole }))
    }),
    statuses: { ...messageStatuses, 499: 'The request was canceled.' }
  },
  'POST /v1/gateway/messages::stream': {
    summary: 'Send a message and hear the reply as it comes',
    description: 'With Last-Event-ID and the request_id of a request that goes on, or ended a moment ago, only what came after that event.',
    body: message,
    streams: 'run.started, run.progress, message.delta, public.completed, thought.delta, thought.completed, message.completed, then one of ' +
      'run.completed, run.canceled, run.error.',
    statuses: messageStatuses
  },
  'GET /v1/gateway/status': {
    summary: 'Where a request stands',
    query: { request_id: 'Required: the id of the request.' },
    answer: object({
      request_id: text,
      session_id: text,
      user_id: text,
      status: { enum: ['queued', 'running', 'succeeded', 'failed', 'canceled', 'ignored'] },
      reply: text,
      usage,
      event_count: whole
    }),
    statuses: { 400: 'The id is missing.', 404: 'There is no such request of this caller.' }
  },
  'POST /v1/gateway/cancel': {
    summary: 'Take a request back, waiting or running', body: object({ request_id: text }, ['request_id']), answer: object({ canceled: flag })
  },
  'GET /api/sessions': {
    summary: 'Sessions, those that changed last first',
    query: {
      limit: 'At most so many.',
      offset: 'Leave out so many.',
      agentId: 'Of this agent.',
      search: 'With these words.',
      label: 'With this label.',
      archived: 'true, false or all.',
      kinds: 'Of these kinds, with commas between them.',
      sortBy: 'updatedAt, lastInteractionAt, lastActivityAt or activity.',
      activeMinutes: 'Changed in so many minutes.',
      includeLastMessage: 'true or false.',
      includeDerivedTitles: 'true or false.'
    },
    answer: object({ sessions: list({ type: 'object' }), totalCount: whole, hasMore: flag })
  },
  'GET /api/sessions/:key': {
    summary: 'One session, with what runs and waits there',
    answer: object({ session: { type: 'object' }, activeRuns: list({ type: 'object' }), pendingRuns: list({ type: 'object' }) }),
    statuses: { 404: 'There is no such session.' }
  },
  'GET /api/sessions/:key/history': history,
  'GET /sessions/:key/history': history,
  'POST /api/sessions/:key/messages': {
    summary: 'Say something in a session',
    description: 'Accept: text/event-stream gives the reply as it comes. Idempotency-Key makes repeated requests one message.',
    body: object({
      role: { const: 'user' },
      content: { oneOf: [text, list(object({ type: { enum: ['text', 'image'] }, text, data: text, mimeType: text }, ['type']))] },
      thinking: text,
      timeoutMs: whole,
      agentId: text,
      idempotencyKey: text
    }, ['content']),
    answer: object({ ok: flag, runId: text, sessionKey: text, sessionId: text, agentId: text, message: object({ role: text, content: text }), usage: { type: 'object' } }),
    streams: 'The events of /v1/gateway/messages:stream, with runId and sessionKey.',
    statuses: { 400: 'The message is wrong.', 409: 'The key belongs to another message.', 499: 'The run was stopped.', 500: 'The run failed.', 503: 'Too many messages wait.' }
  },
  'POST /api/sessions/:key/abort': {
    summary: 'Stop what runs in a session and take back what waits',
    body: object({ runId: text }),
    mayBeEmpty: true,
    answer: object({ ok: flag, aborted: flag, runIds: list(text) })
  },
  'POST /sessions/:key/kill': {
    summary: 'The same for a session that is there',
    answer: object({ ok: flag, killed: flag, runIds: list(text) }),
    statuses: { 404: 'There is no such session.' }
  },
  'GET /v1/models': { summary: 'Agents as models, in the shape of OpenAI' },
  'GET /v1/models/*': { summary: 'One of them, in the shape of OpenAI' },
  'POST /v1/chat/completions': { summary: 'Chat completions, in the shape of OpenAI', body: { type: 'object' }, streams: 'Chunks, then [DONE].' },
  'POST /v1/responses': { summary: 'Responses, in the shape of OpenAI', body: { type: 'object' }, streams: 'Events, then [DONE].' },
  'GET /v1/responses/:id': {
    summary: 'A response that was asked for before',
    query: { stream: 'true: as events.', starting_after: 'Only the events after this number.' },
    streams: 'Events, then [DONE].'
  },
  'DELETE /v1/responses/:id': { summary: 'Forget a response, with its conversation when that is all there is in it' },
  'POST /v1/responses/:id/cancel': { summary: 'End a response in the background', mayBeEmpty: true },
  'GET /v1/responses/:id/input_items': {
    summary: 'What a response answers', query: { order: 'asc or desc.', limit: 'At most 100.', after: 'The id of an item.' }
  },
  'POST /api/v1/admin/rpc': {
    summary: 'Every method of the WebSocket',
    description: 'With the rights that the caller has there. Methods that are about a connection are refused.',
    body: object({ id: text, method: text, params: { type: 'object' } }),
    answer: object({ id: text, ok: flag, payload: {} })
  },
  'POST /v1/embeddings': { summary: 'Embeddings, in the shape of OpenAI', body: { type: 'object' } }
}
