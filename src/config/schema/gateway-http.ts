import { group, key } from './node.ts'
import { flag, integer, milliseconds, seconds, text, texts, Type } from './types.ts'
import { hostNameProblem, originProblem } from './network.ts'

const mebibytes = 1024 * 1024

const images = (allowUrl: boolean) => group({ help: 'Images in requests.', reload: 'live' }, {
  allowUrl: key(flag, { default: allowUrl, failsafe: false, help: 'Fetch images that a request names by URL.' }),
  urlAllowlist: key(texts, { default: [], help: 'Hosts that may be fetched from; empty means every public one.' }),
  allowedMimes: key(texts, {
    default: ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/heic', 'image/heif'],
    help: 'Accepted types.'
  }),
  maxBytes: key(integer(1), { default: 10 * mebibytes, help: 'Size of one image.' }),
  maxRedirects: key(integer(0), { default: 3, help: 'Redirects that are followed.' }),
  timeoutMs: key(milliseconds(1), { default: 10_000, help: 'Time for one fetch.' })
})

const files = group({ help: 'Files in requests.', reload: 'live' }, {
  allowUrl: key(flag, { default: true, failsafe: false, help: 'Fetch files that a request names by URL.' }),
  urlAllowlist: key(texts, { default: [], help: 'Hosts that may be fetched from; empty means every public one.' }),
  allowedMimes: key(texts, {
    default: ['text/plain', 'text/markdown', 'text/html', 'text/csv', 'application/json', 'application/pdf'],
    help: 'Accepted types.'
  }),
  maxBytes: key(integer(1), { default: 5 * mebibytes, help: 'Size of one file.' }),
  maxChars: key(integer(1), { default: 60_000, help: 'Characters of text that are kept.' }),
  maxRedirects: key(integer(0), { default: 3, help: 'Redirects that are followed.' }),
  timeoutMs: key(milliseconds(1), { default: 10_000, help: 'Time for one fetch.' }),
  pdf: group({ help: 'PDF files.' }, {
    maxPages: key(integer(1), { default: 4, help: 'Pages that are read.' }),
    maxPixels: key(integer(1), { default: 4_000_000, help: 'Pixels of a rendered page.' }),
    minTextChars: key(integer(0), { default: 200, help: 'With less text than this a page is rendered as an image.' })
  })
})

const endpoints = group({ help: 'Routes that are switched on one by one.', reload: 'live' }, {
  mcp: group({ help: 'The gateway as an MCP server, at /mcp.' }, {
    enabled: key(flag, { default: false, failsafe: false, help: 'Serve it.', reload: 'restart' })
  }),
  adminRpc: group({ help: 'POST /api/v1/admin/rpc, every method of the WebSocket for tools that cannot hold one open.' }, {
    enabled: key(flag, { default: false, failsafe: false, help: 'Serve it.' })
  }),
  chatCompletions: group({ help: 'POST /v1/chat/completions.' }, {
    enabled: key(flag, { default: false, help: 'Serve it.' }),
    maxBodyBytes: key(integer(1), { default: 20 * mebibytes, help: 'Size of a request.', reload: 'restart' }),
    maxImageParts: key(integer(0), { default: 8, help: 'Images in one request.', reload: 'restart' }),
    maxTotalImageBytes: key(integer(1), { default: 20 * mebibytes, help: 'Size of all images of one request.', reload: 'restart' }),
    images: images(false)
  }),
  responses: group({ help: 'POST /v1/responses.' }, {
    enabled: key(flag, { default: false, help: 'Serve it.' }),
    maxBodyBytes: key(integer(1), { default: 20 * mebibytes, help: 'Size of a request.', reload: 'restart' }),
    maxUrlParts: key(integer(0), { default: 8, help: 'Parts of one request that may name a URL.' }),
    stored: group({ help: 'Responses that can be asked for again, or continued.' }, {
      maxEntries: key(integer(0), { default: 5_000, help: 'How many are remembered; the oldest go first.' }),
      maxAgeDays: key(integer(1, 3650), { default: 30, help: 'How long they are remembered.' })
    }),
    files,
    images: images(true)
  })
})

export const http = group({ help: 'The HTTP side of the port.', reload: 'restart' }, {
  allowedHosts: key(texts, {
    default: [],
    help: 'Host names that requests may be addressed to, beside the addresses and names of this machine.',
    checkItem: hostNameProblem,
    reload: 'live'
  }),
  requestTimeoutMs: key(milliseconds(0), { default: 30_000, help: 'Time to receive a whole request; 0 switches it off.' }),
  bodyLimitBytes: key(integer(1), { default: 2 * mebibytes, help: 'Size of a request body where a route says nothing else.' }),
  rateLimit: group({ help: 'Requests of one client on the limited routes (such as /api/device/nonce).' }, {
    max: key(integer(1), { default: 120, help: 'Requests inside the window.' }),
    windowMs: key(milliseconds(1), { default: 60_000, help: 'Length of the window.' })
  }),
  cors: group({ help: 'Pages of other origins that may call the API routes.' }, {
    origins: key(texts, { default: [], help: 'Allowed origins, beside gateway.controlUi.allowedOrigins.', checkItem: originProblem, reload: 'live' }),
    maxAgeSeconds: key(seconds(0), { default: 600, help: 'How long browsers may remember the answer to a preflight.', reload: 'live' })
  }),
  securityHeaders: group({ help: 'Headers on every answer.', reload: 'live' }, {
    strictTransportSecurity: key(Type.Union([text, Type.Literal(false)], { title: 'a header value, or false' }), {
      help: 'Strict-Transport-Security, for a gateway behind TLS.'
    })
  }),
  endpoints
})
