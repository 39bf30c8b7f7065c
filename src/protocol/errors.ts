/**
 * The one table of refusals. A row is the specific code (what a program branches on) with the contract's coarse code, the HTTP
 * status of the same refusal, whether trying again helps, the sentence, and what to do next. Codes are for ever, text is not.
 */
import type { ErrorShape } from './frames.ts'

/** The contract's coarse codes. */
export type WireCode = 'INVALID_REQUEST' | 'NOT_PAIRED' | 'FORBIDDEN' | 'UNAVAILABLE' | 'APPROVAL_NOT_FOUND'

/** What the contract lets a client do by itself after a failed connect. */
export type RecommendedNextStep =
  'retry_with_device_token' | 'update_auth_configuration' | 'update_auth_credentials' | 'wait_then_retry' | 'review_auth_configuration'

interface ErrorRow {
  readonly wire: WireCode
  readonly status: number
  readonly message: string
  /** A sentence for the person who reads the refusal. */
  readonly next: string
  readonly retryable?: boolean
  readonly retryAfterMs?: number
  /** The reason string that older clients read in `details.reason` or `details.authReason`. */
  readonly reason?: string
  readonly recommended?: RecommendedNextStep
}

const auth = (status: number, reason: string, recommended: RecommendedNextStep, message: string, next: string): ErrorRow =>
  ({ wire: 'INVALID_REQUEST', status, reason, recommended, message: `unauthorized: ${message}`, next })
const device = (reason: string, message: string, next: string): ErrorRow =>
  ({ wire: 'INVALID_REQUEST', status: 401, reason, message, next })

export const errorTable = {
  // Requests
  INVALID_PARAMS: { wire: 'INVALID_REQUEST', status: 400, message: 'invalid params', next: 'Correct the named field and send the request again.' },
  INVALID_FRAME: { wire: 'INVALID_REQUEST', status: 400, message: 'invalid request frame', next: 'Send {"type":"req","id":"…","method":"…","params":{…}}.' },
  INVALID_HANDSHAKE: { wire: 'INVALID_REQUEST', status: 400, message: 'invalid handshake: first request must be connect', next: 'Answer connect.challenge with a connect request first.' },
  CONNECTION_REQUIRED: { wire: 'INVALID_REQUEST', status: 400, message: 'this method needs a connection that stays', next: 'Call it over the WebSocket of this gateway.' },
  INVALID_ROLE: { wire: 'INVALID_REQUEST', status: 400, message: 'invalid role', next: 'Use role "operator" or "node".' },
  UNKNOWN_METHOD: { wire: 'INVALID_REQUEST', status: 404, message: 'unknown method', next: 'hello-ok.features.methods lists what this gateway serves.' },
  UNAUTHORIZED_ROLE: { wire: 'INVALID_REQUEST', status: 403, message: 'unauthorized role', next: 'Connect with the role this method belongs to.' },
  MISSING_SCOPE: { wire: 'FORBIDDEN', status: 403, message: 'missing scope', next: 'Ask an operator with pairing rights to approve the scope: openclaw devices list.' },
  FORBIDDEN: { wire: 'FORBIDDEN', status: 403, message: 'not allowed', next: 'Connect as somebody who may do this.' },
  USER_NOT_ALLOWED: { wire: 'FORBIDDEN', status: 403, message: 'user is not allowed', next: 'Whoever runs this gateway can add the user to gateway.dataPlane.allowUsers.' },
  MODEL_NOT_AVAILABLE: { wire: 'INVALID_REQUEST', status: 400, message: 'the model is not available', next: 'List the models: openclaw models list, or models.list.' },
  UPLOAD_FAILED: { wire: 'INVALID_REQUEST', status: 400, message: 'the file cannot be kept for the agent', next: 'Give the agent a workspace that it may write, or leave the file out.' },
  RUN_FAILED: { wire: 'UNAVAILABLE', status: 500, message: 'the run failed', next: 'Send it again; the log of the gateway and openclaw models status say what went wrong.' },
  REQUEST_CANCELED: { wire: 'INVALID_REQUEST', status: 499, message: 'the request was canceled', next: 'Send it again under another id if it is still wanted.' },
  PAYLOAD_TOO_LARGE: { wire: 'INVALID_REQUEST', status: 413, message: 'payload too large', next: 'Send less at once; details.limitBytes is the limit.' },
  UNSUPPORTED_MEDIA_TYPE: { wire: 'INVALID_REQUEST', status: 415, message: 'unsupported media type', next: 'Send Content-Type: application/json.' },
  TOO_MANY_REQUESTS: { wire: 'UNAVAILABLE', status: 429, message: 'too many requests', next: 'Wait as long as Retry-After says.', retryable: true },
  WRITE_BUDGET_EXCEEDED: { wire: 'UNAVAILABLE', status: 429, message: 'rate limit exceeded', next: 'Wait as long as retryAfterMs says.', retryable: true },
  BUSY: { wire: 'UNAVAILABLE', status: 503, message: 'gateway busy', next: 'Wait as long as retryAfterMs says, then try again.', retryable: true, retryAfterMs: 1000 },
  IDEMPOTENCY_CONFLICT: { wire: 'INVALID_REQUEST', status: 409, message: 'idempotency key was already used for another request', next: 'Use a new idempotencyKey for a new request.' },
  CLAIM_TAKEN: { wire: 'INVALID_REQUEST', status: 409, message: 'another run already has this idempotency key', next: 'Wait for that run, or use a new idempotencyKey for a new request.' },
  NOT_BUILT_YET: { wire: 'UNAVAILABLE', status: 501, message: 'this gateway does not offer this yet', next: 'Read details.reason.' },
  NOT_FOUND: { wire: 'INVALID_REQUEST', status: 404, message: 'not found', next: 'Check the name or list what exists first.' },
  INTERNAL: { wire: 'UNAVAILABLE', status: 500, message: 'internal error', next: 'Quote details.errorId when you report this; the log has the same id.' },

  // Sessions
  SESSION_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'session not found', next: 'List what there is: openclaw sessions list, or sessions.list.' },
  SESSION_CHANGED: { wire: 'INVALID_REQUEST', status: 409, reason: 'session-changed', message: 'the session changed meanwhile', next: 'Read the session again (sessions.describe) and repeat the request.' },
  SESSION_PROTECTED: { wire: 'INVALID_REQUEST', status: 409, message: 'Cannot delete the main session', next: 'Begin it anew instead: openclaw sessions reset, or sessions.reset.' },
  SESSION_ACTIVE: { wire: 'UNAVAILABLE', status: 409, message: 'the session is still at work', next: 'Stop its run (sessions.abort) or wait until it is done.', retryable: true, retryAfterMs: 1000 },
  SEND_BLOCKED: { wire: 'INVALID_REQUEST', status: 403, message: 'send blocked by session policy', next: 'See session.sendPolicy, or open this conversation: openclaw gateway call sessions.patch with sendPolicy "allow".' },
  SESSION_LABEL_TAKEN: { wire: 'INVALID_REQUEST', status: 409, message: 'another session has this label', next: 'Choose another label, or take it from the session that details.key names.' },
  SESSIONS_FULL: { wire: 'UNAVAILABLE', status: 503, message: 'there are too many sessions', next: 'Delete what is not needed: openclaw sessions cleanup --enforce.', retryable: true, retryAfterMs: 60_000 },

  // Agents
  AGENT_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'agent not found', next: 'List the agents: openclaw agents list, or agents.list.' },
  AGENT_EXISTS: { wire: 'INVALID_REQUEST', status: 409, message: 'agent already exists', next: 'Choose another name, or change the agent that is there: agents.update.' },
  AGENT_PROTECTED: { wire: 'INVALID_REQUEST', status: 409, message: 'the agent cannot be deleted', next: 'Make another agent the default first: openclaw config set agents.entries.<id>.default true.' },
  FILE_UNSUPPORTED: { wire: 'INVALID_REQUEST', status: 400, message: 'unsupported file', next: 'agents.files.list names the files that can be read and written.' },
  FILE_UNSAFE: { wire: 'INVALID_REQUEST', status: 403, message: 'unsafe workspace file', next: 'Use regular files inside the workspace: links that lead out of it are not followed.' },
  FILE_CHANGED: { wire: 'INVALID_REQUEST', status: 409, message: 'the file changed meanwhile', next: 'Read the file again (agents.files.get) and apply the change to it.' },

  // Models
  MODEL_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'model not found', next: 'List the models: openclaw models list, or models.list.' },
  MODEL_NOT_ALLOWED: { wire: 'FORBIDDEN', status: 403, message: 'this model may not be picked for this agent', next: 'Pick one that modelPolicy.allow names, or leave the choice to the agent.' },
  MODEL_REFUSED: { wire: 'INVALID_REQUEST', status: 400, message: 'the model refused the request', next: 'Correct the request as the message of the provider says.' },
  MODEL_RATE_LIMITED: { wire: 'UNAVAILABLE', status: 429, message: 'the provider of the model limits requests', next: 'Wait as long as Retry-After says, or give the agent fallbacks.', retryable: true, retryAfterMs: 1000 },
  MODEL_FAILED: { wire: 'UNAVAILABLE', status: 502, message: 'the model could not answer', next: 'Look at the provider: openclaw models status; the log has the cause.', retryable: true },
  MODEL_OVERLOADED: { wire: 'UNAVAILABLE', status: 503, message: 'the model is overloaded', next: 'Wait as long as Retry-After says, or give the agent fallbacks.', retryable: true, retryAfterMs: 1000 },
  RUN_TIMED_OUT: { wire: 'UNAVAILABLE', status: 504, message: 'the run took too long', next: 'Ask for less at once, or raise agents.defaults.timeoutSeconds.' },
  RUN_ABORTED: { wire: 'INVALID_REQUEST', status: 409, message: 'the run was stopped before it had answered', next: 'Send the request again if the answer is still wanted.' },

  // Approvals
  APPROVAL_UNKNOWN: { wire: 'APPROVAL_NOT_FOUND', status: 404, message: 'approval not found', next: 'List what is pending: exec.approval.list; what was decided: approval.history.' },
  APPROVAL_ALREADY_RESOLVED: { wire: 'INVALID_REQUEST', status: 409, reason: 'APPROVAL_ALREADY_RESOLVED', message: 'approval already resolved', next: 'Read what was decided: approval.get.' },
  APPROVAL_EXISTS: { wire: 'INVALID_REQUEST', status: 409, message: 'approval id already in use', next: 'Leave the id out, or choose another one.' },
  EXEC_APPROVALS_CHANGED: { wire: 'INVALID_REQUEST', status: 409, message: 'exec approvals changed since last load; re-run exec.approvals.get and retry', next: 'Read the document again and send its hash as baseHash.' },

  // Plugins
  PLUGIN_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'no such plugin', next: 'List the plugins: openclaw plugins list, or plugins.list; new ones are named in plugins.load.paths.' },
  PLUGIN_CHANGED: { wire: 'INVALID_REQUEST', status: 409, message: 'the plugin changed since it was looked at', next: 'Look at it again (plugins.inspect) and send its reviewToken.' },
  PLUGIN_FAILED: { wire: 'UNAVAILABLE', status: 502, message: 'a plugin failed', next: 'openclaw plugins doctor says how plugins are; the log has the cause under details.errorId.' },
  PLUGIN_REFUSED: { wire: 'INVALID_REQUEST', status: 400, message: 'the plugin refused the request', next: 'Correct the request as the message says.' },
  PLUGINS_LOADING: { wire: 'UNAVAILABLE', status: 503, reason: 'plugins-loading', message: 'plugins are starting', next: 'Try again after retryAfterMs.', retryable: true, retryAfterMs: 500 },

  // Channels
  DELIVERY_FAILED: { wire: 'UNAVAILABLE', status: 502, message: 'the message was not delivered', next: 'It is kept: send it again or throw it away, once the reason is known.' },

  DELIVERY_REFUSED: { wire: 'UNAVAILABLE', status: 502, message: 'the service refused the message', next: 'Correct the chat or the message as the reason says, and send it again; nothing of it is kept.' },
  CHANNEL_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'unsupported channel', next: 'List what there is: openclaw channels list --all, or channels.status.' },
  CHANNEL_NOT_RUNNING: { wire: 'UNAVAILABLE', status: 503, message: 'the account of the channel does not run', next: 'See why: openclaw channels status --probe; begin it: openclaw channels start --channel <id>.', retryable: true, retryAfterMs: 5000 },
  CHANNEL_UNABLE: { wire: 'INVALID_REQUEST', status: 400, message: 'the channel cannot do this', next: 'See what it can do: openclaw channels capabilities.' },

  // Automation
  CRON_JOB_NOT_FOUND: { wire: 'INVALID_REQUEST', status: 404, message: 'cron job not found', next: 'List the jobs: openclaw cron list --all, or cron.list.' },
  CRON_JOB_CHANGED: { wire: 'INVALID_REQUEST', status: 409, message: 'the cron job changed meanwhile', next: 'Read the job again (cron.get) and apply the change to it.' },

  // Coming and going
  STARTING: { wire: 'UNAVAILABLE', status: 503, reason: 'startup-sidecars', message: 'gateway starting; retry shortly', next: 'Try again after retryAfterMs.', retryable: true, retryAfterMs: 500 },
  STOPPING: { wire: 'UNAVAILABLE', status: 503, message: 'gateway restart in progress', next: 'Reconnect after retryAfterMs.', retryable: true, retryAfterMs: 1000 },
  STORE_UNAVAILABLE: { wire: 'UNAVAILABLE', status: 503, message: 'the state store cannot write', next: 'Free disk space, and give the state directory to the user of the gateway; the log has the cause.', retryable: true, retryAfterMs: 5000 },
  LOG_READ_FAILED: { wire: 'UNAVAILABLE', status: 503, message: 'log read failed', next: 'Check logging.file and the rights of that file.', retryable: true, retryAfterMs: 1000 },

  // Configuration
  CONFIG_CHANGED: { wire: 'INVALID_REQUEST', status: 409, message: 'config changed since last load; re-run config.get and retry', next: 'Read the configuration again and apply the change to it.' },
  CONFIG_HASH_REQUIRED: { wire: 'INVALID_REQUEST', status: 400, message: 'config base hash required; re-run config.get and retry', next: 'Send the hash of config.get as baseHash, so that nobody else\'s change is lost.' },
  CONFIG_INVALID: { wire: 'INVALID_REQUEST', status: 400, message: 'invalid config', next: 'Correct the named place, then check it with: openclaw config validate.' },
  CONFIG_WRITE_REJECTED: { wire: 'INVALID_REQUEST', status: 409, message: 'config write refused: it would remove more than half of the configuration', next: 'Send the whole configuration, or allowDestructive: true when the removal is meant.' },
  CONFIG_READ_ONLY: { wire: 'INVALID_REQUEST', status: 403, message: 'config is read-only (OPENCLAW_CONFIG_READONLY=1)', next: 'Change the configuration where it is managed.' },
  CONFIG_ARRAY_SHRINKS: { wire: 'INVALID_REQUEST', status: 409, message: 'config.patch would drop entries of a list', next: 'Send the whole list, and name its path in replacePaths when entries are meant to go.' },
  CONFIG_PLACEHOLDER: { wire: 'INVALID_REQUEST', status: 400, message: 'a redacted placeholder stands where no credential is stored', next: 'Send the credential itself, or leave the key out.' },
  SECRETS_UNAVAILABLE: { wire: 'UNAVAILABLE', status: 503, message: 'credentials could not be fetched; those in use stay', next: 'Make the named credential available where it is kept, then: openclaw secrets reload.', retryable: true },
  CONFIG_BUSY: { wire: 'UNAVAILABLE', status: 503, message: 'the configuration is being written by another process', next: 'Try again; if no other process is at work remove the .lock file beside the configuration.', retryable: true, retryAfterMs: 1000 },

  // Credentials
  AUTH_REQUIRED: auth(401, 'unauthorized', 'review_auth_configuration', 'authentication required', 'Send the gateway token or password, or pair this device.'),
  AUTH_UNAUTHORIZED: auth(401, 'unauthorized', 'review_auth_configuration', 'not authorized', 'Compare gateway.auth in the configuration with what this client sends.'),
  AUTH_TOKEN_MISSING: auth(401, 'token_missing', 'update_auth_configuration', "gateway token missing (use this gateway's gateway.auth.token or pair the device)", 'On the gateway host run: openclaw config get gateway.auth.token --show, then give it to this client.'),
  AUTH_TOKEN_MISMATCH: auth(401, 'token_mismatch', 'update_auth_credentials', "gateway token mismatch (use this gateway's gateway.auth.token or pair the device)", 'The token is wrong or was rotated: take the current one from the gateway host.'),
  AUTH_TOKEN_NOT_CONFIGURED: auth(401, 'token_missing_config', 'update_auth_configuration', 'gateway token not configured on the gateway', 'Set gateway.auth.token or OPENCLAW_GATEWAY_TOKEN on the gateway host.'),
  AUTH_PASSWORD_MISSING: auth(401, 'password_missing', 'update_auth_configuration', 'gateway password missing (enter the password of this gateway)', 'Give this client the password from gateway.auth.password.'),
  AUTH_PASSWORD_MISMATCH: auth(401, 'password_mismatch', 'update_auth_credentials', 'gateway password mismatch (enter the password of this gateway)', 'The password is wrong or was changed: take the current one from the gateway host.'),
  AUTH_PASSWORD_NOT_CONFIGURED: auth(401, 'password_missing_config', 'update_auth_configuration', 'gateway password not configured on the gateway', 'Set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD on the gateway host.'),
  AUTH_BOOTSTRAP_TOKEN_INVALID: auth(401, 'bootstrap_token_invalid', 'review_auth_configuration', 'setup code invalid, expired, revoked, or already used (create a new code; review `openclaw devices list`)', 'Create a new setup code on the gateway host: openclaw qr.'),
  AUTH_DEVICE_TOKEN_MISMATCH: auth(401, 'device_token_mismatch', 'update_auth_credentials', 'device token mismatch (rotate/reissue device token)', 'Forget the stored device token and connect once with the gateway token, or pair again.'),
  AUTH_SCOPE_MISMATCH: auth(403, 'scope_mismatch', 'review_auth_configuration', 'device token scope mismatch (re-pair or approve scope upgrade)', 'Ask for fewer scopes, or connect with the gateway token so that the surplus can be approved.'),
  AUTH_RATE_LIMITED: { wire: 'INVALID_REQUEST', status: 429, reason: 'rate_limited', recommended: 'wait_then_retry', message: 'unauthorized: too many failed authentication attempts (retry later)', next: 'Wait as long as retryAfterMs says; trying earlier does not lengthen the wait.', retryable: true },
  AUTH_TAILSCALE_IDENTITY_MISSING: auth(401, 'tailscale_user_missing', 'review_auth_configuration', 'tailscale identity missing', 'Reach the gateway through tailscale serve, or send the gateway token.'),
  AUTH_TAILSCALE_PROXY_MISSING: auth(401, 'tailscale_proxy_missing', 'review_auth_configuration', 'tailscale proxy headers missing', 'Reach the gateway through tailscale serve, or send the gateway token.'),
  AUTH_TAILSCALE_WHOIS_FAILED: auth(401, 'tailscale_whois_failed', 'review_auth_configuration', 'tailscale identity could not be verified', 'Check that tailscaled runs on the gateway host.'),
  AUTH_TAILSCALE_IDENTITY_MISMATCH: auth(401, 'tailscale_user_mismatch', 'review_auth_configuration', 'tailscale identity does not match the connection', 'Reach the gateway through tailscale serve, or send the gateway token.'),
  AUTH_IDENTITY_HEADER_REQUIRED: auth(401, 'trusted_proxy_missing_header', 'review_auth_configuration', 'the proxy did not send a required header', 'Make the proxy send every header of gateway.auth.trustedProxy.requiredHeaders.'),
  AUTH_VERIFIED_USER_REQUIRED: auth(403, 'verified_user_required', 'review_auth_configuration', 'a verified user is required', 'Sign in through the trusted proxy.'),
  AUTH_KEY_UNKNOWN: auth(401, 'key_unknown', 'update_auth_credentials', 'unknown API key', 'Take a key that openclaw keys list shows, or create one: openclaw keys create <name>.'),
  AUTH_KEY_REVOKED: auth(401, 'key_revoked', 'update_auth_credentials', 'this API key was revoked', 'Create another one on the gateway host: openclaw keys create <name>.'),
  AUTH_KEY_EXPIRED: auth(401, 'key_expired', 'update_auth_credentials', 'this API key has expired', 'Create another one on the gateway host: openclaw keys create <name>.'),
  AUTH_KEY_ROLE: auth(403, 'key_role', 'review_auth_configuration', 'an API key opens the operator role only', 'Pair a node with a setup code instead: openclaw qr.'),

  // API keys
  KEY_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'there is no such API key', next: 'List what there is: openclaw keys list, or keys.list.' },
  KEY_EXISTS: { wire: 'INVALID_REQUEST', status: 409, message: 'another API key has this name', next: 'Choose another name, or give that key a new secret: openclaw keys rotate <name>.' },
  KEYS_FULL: { wire: 'UNAVAILABLE', status: 429, message: 'there are too many API keys', next: 'Revoke what is not needed: openclaw keys list, openclaw keys revoke <name>.' },
  KEY_NOT_ALLOWED: { wire: 'FORBIDDEN', status: 403, message: 'this API key may not do this', next: 'Use a key that may: openclaw keys show <name> says what one is limited to, openclaw keys create makes another.' },
  KEY_OWN_SESSIONS_ONLY: { wire: 'FORBIDDEN', status: 403, message: 'this API key sees its own sessions only', next: 'Use a key that sees all: openclaw keys create <name> --all-sessions.' },
  KEY_RATE_LIMITED: { wire: 'UNAVAILABLE', status: 429, message: 'this API key has used up its requests for now', next: 'Wait as long as Retry-After (retryAfterMs) says.', retryable: true },
  KEY_RUNS_EXCEEDED: { wire: 'UNAVAILABLE', status: 429, message: 'this API key has as many runs under way as it may', next: 'Wait until one of them has ended.', retryable: true, retryAfterMs: 1000 },
  KEY_BUDGET_SPENT: { wire: 'UNAVAILABLE', status: 429, message: 'this API key has used up what it may use in a day', next: 'Wait until the day is over (UTC), as long as Retry-After (retryAfterMs) says.', retryable: true },

  // Devices
  DEVICE_IDENTITY_REQUIRED: { wire: 'NOT_PAIRED', status: 401, message: 'device identity required', next: 'Send a signed device identity, or the shared secret of this gateway.' },
  CONTROL_UI_DEVICE_IDENTITY_REQUIRED: { wire: 'INVALID_REQUEST', status: 401, message: 'control ui requires device identity (use HTTPS or localhost secure context)', next: 'Open the page over https:// or from http://127.0.0.1, where browsers offer key storage.' },
  DEVICE_AUTH_INVALID: device('device-auth-invalid', 'device authentication invalid', 'Create the device identity anew and pair again.'),
  DEVICE_AUTH_DEVICE_ID_MISMATCH: device('device-id-mismatch', 'device identity mismatch', 'device.id must be the lowercase hex SHA-256 of the raw public key.'),
  DEVICE_AUTH_SIGNATURE_EXPIRED: device('device-signature-stale', 'device signature expired', 'Use the ts of connect.challenge as signedAt, or set the clock: details has our time and the skew.'),
  DEVICE_AUTH_NONCE_REQUIRED: device('device-nonce-missing', 'device nonce required', 'Sign the nonce of connect.challenge (or of /api/device/nonce) and send it as device.nonce.'),
  DEVICE_AUTH_NONCE_MISMATCH: device('device-nonce-mismatch', 'device nonce mismatch', 'Fetch a fresh nonce: each one belongs to one connection and works once.'),
  DEVICE_AUTH_SIGNATURE_INVALID: device('device-signature', 'device signature invalid', 'Sign the v3 (or v2) payload of exactly the fields that the connect frame sends.'),
  DEVICE_AUTH_PUBLIC_KEY_INVALID: device('device-public-key', 'device public key invalid', 'device.publicKey is a raw 32-byte Ed25519 key in base64url.'),
  PAIRING_REQUIRED: { wire: 'NOT_PAIRED', status: 403, message: 'pairing required', next: 'On the gateway host run: openclaw devices approve <requestId>.' },
  PAIRING_QUEUE_FULL: { wire: 'UNAVAILABLE', status: 429, message: 'too many pairing requests are waiting', next: 'Approve or reject the waiting ones: openclaw devices list.', retryable: true, retryAfterMs: 60_000 },
  PAIRING_REQUEST_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'unknown requestId', next: 'It was decided, replaced or has expired: openclaw devices list.' },
  DEVICE_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'unknown deviceId', next: 'List what is paired: openclaw devices list.' },
  NODE_UNKNOWN: { wire: 'INVALID_REQUEST', status: 404, message: 'unknown nodeId', next: 'List the nodes: openclaw gateway call node.list.' },
  NODE_NOT_APPROVED: { wire: 'UNAVAILABLE', status: 409, message: 'this node is not known, or what it offers is not approved', next: 'Look at what waits for approval: openclaw nodes pending.', retryable: true },
  NODE_NOT_CONNECTED: { wire: 'UNAVAILABLE', status: 503, message: 'node not connected', next: 'Start it on its machine (openclaw node run), or wait until it is back: openclaw nodes status.', retryable: true },
  NODE_COMMAND_REFUSED: { wire: 'INVALID_REQUEST', status: 403, message: 'node command not allowed', next: 'See what it offers with openclaw nodes describe; gateway.nodes.commands.allow adds commands, deny takes them away.' },
  NODE_FAILED: { wire: 'UNAVAILABLE', status: 502, message: 'the node could not do it', next: 'details.nodeError says what the node said.' },
  DEVICE_PAIRING_DENIED: { wire: 'INVALID_REQUEST', status: 403, message: 'device pairing approval denied', next: 'Decide it with rights that cover the request, or on the gateway host: openclaw devices list.' },
  DEVICE_TOKEN_DENIED: { wire: 'INVALID_REQUEST', status: 403, message: 'device token rotation denied', next: 'Ask for no more than device and caller both hold, or do it on the gateway host: openclaw devices list.' },
  DEVICES_FULL: { wire: 'UNAVAILABLE', status: 429, message: 'too many devices are paired', next: 'Remove devices that are not used any more: openclaw devices list.' },

  // Where from
  CONTROL_UI_ORIGIN_NOT_ALLOWED: { wire: 'INVALID_REQUEST', status: 403, message: 'origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)', next: 'Add this exact origin to gateway.controlUi.allowedOrigins.' },
  HOST_NOT_ALLOWED: { wire: 'INVALID_REQUEST', status: 403, message: 'host not allowed', next: 'Use an address of this machine in the URL, or add the name to gateway.http.allowedHosts.' },
  CROSS_SITE_REQUEST: { wire: 'INVALID_REQUEST', status: 403, message: 'cross-site request refused', next: 'Call the gateway from a page of an allowed origin, or from a program.' },
  PROXY_ATTRIBUTION_REQUIRED: { wire: 'INVALID_REQUEST', status: 403, message: 'Proxy client attribution is required.', next: 'Add the address of the proxy to gateway.trustedProxies.' },
  PROXY_CLIENT_UNKNOWN: { wire: 'INVALID_REQUEST', status: 403, message: 'The proxy does not say who its client is.', next: 'Let the proxy send X-Forwarded-For with the address of its client (README, "Behind a proxy"). A program on this machine calls the port of the gateway itself.' },
  UPGRADE_HEADERS_MISSING: { wire: 'INVALID_REQUEST', status: 426, message: 'a WebSocket handshake arrived without its Upgrade header: the proxy in front of the gateway does not pass it on', next: 'Let the proxy speak HTTP/1.1 to the gateway and pass on Upgrade and Connection; in nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade".' },
  URL_TOKEN_NOT_ALLOWED: { wire: 'INVALID_REQUEST', status: 400, message: 'a token in the URL is not accepted from here', next: 'Send Authorization: Bearer <token> instead; URLs end up in histories and logs.' },
  PROTOCOL_MISMATCH: { wire: 'INVALID_REQUEST', status: 400, message: 'protocol mismatch', next: 'Offer a protocol range that contains details.expectedProtocol.' },
  CLIENT_VERSION_MISMATCH: { wire: 'INVALID_REQUEST', status: 400, message: 'client version mismatch', next: 'Update the node host to the version of the gateway.' }
} as const satisfies { [code: string]: ErrorRow }

export type ErrorCode = keyof typeof errorTable

export interface ErrorOptions {
  message?: string
  details?: { [key: string]: unknown }
  retryAfterMs?: number
  recommended?: RecommendedNextStep
  cause?: unknown
}

/** A refusal. Thrown anywhere, translated once: by `dispatch` to a `res` frame, by the HTTP error handler to a body. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly row: ErrorRow
  readonly details: { readonly [key: string]: unknown }
  readonly retryAfterMs: number | undefined

  constructor (code: ErrorCode, options: ErrorOptions = {}) {
    const row: ErrorRow = errorTable[code]
    super(options.message ?? row.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'GatewayError'
    this.code = code
    this.row = row
    this.retryAfterMs = options.retryAfterMs ?? row.retryAfterMs
    const recommended = options.recommended ?? row.recommended
    this.details = {
      code,
      ...(recommended ? { authReason: row.reason, canRetryWithDeviceToken: recommended === 'retry_with_device_token', recommendedNextStep: recommended } : {}),
      ...(!recommended && row.reason ? { reason: row.reason } : {}),
      ...options.details,
      nextStep: row.next
    }
  }

  get status (): number { return this.row.status }

  toWire (): ErrorShape {
    return {
      code: this.row.wire,
      message: this.message,
      details: this.details,
      ...(this.row.retryable ? { retryable: true } : {}),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: Math.max(0, Math.ceil(this.retryAfterMs)) })
    }
  }
}

export const isGatewayError = (value: unknown): value is GatewayError => value instanceof GatewayError
