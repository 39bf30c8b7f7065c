import { group, key } from './node.ts'
import { flag, integer, secret, seconds, text, texted, texts } from './types.ts'

const ssrfPolicy = group({ help: 'Addresses that pages may be fetched from, beside public ones.' }, {
  dangerouslyAllowPrivateNetwork: key(flag, {
    default: false, help: 'Open this machine and its network to every URL that a model names; metadata services stay closed.'
  }),
  allowedHostnames: key(texts, { default: [], help: 'Exact names for which the own network is open.' }),
  blockedHostnames: key(texts, { default: [], failsafe: ['*'], help: 'Names that are never called; "*.name" for what is below one.' }),
  allowRfc2544BenchmarkRange: key(flag, { default: false, help: 'Open 198.18.0.0/15.' }),
  allowIpv6UniqueLocalRange: key(flag, { default: false, help: 'Open fc00::/7.' })
})

const fetch = group({ help: 'Reading a page.' }, {
  enabled: key(flag, { default: true, failsafe: false, help: 'Offer it.' }),
  provider: key(text, { help: 'Another service that fetches.', retired: 'pages are always fetched by the gateway itself' }),
  maxChars: key(integer(1), { help: 'Characters of a result; absent: tools.web.maxChars.' }),
  maxCharsCap: key(integer(1), { help: 'The most that a call may ask for; absent: tools.web.maxChars.' }),
  maxResponseBytes: key(integer(32_000, 10_000_000), { default: 750_000, help: 'What is larger is cut, and said to be.' }),
  maxRedirects: key(integer(0, 20), { default: 3, help: 'Redirects that are followed, each checked anew.' }),
  timeoutSeconds: key(seconds(1), { default: 30, help: 'Time for one page with everything.' }),
  cacheTtlMinutes: key(integer(0), { default: 15, help: 'How long a page is reused.' }),
  readability: key(flag, { default: true, help: 'Leave out what surrounds the content of a page.' }),
  userAgent: key(text, { help: 'What the gateway calls itself.' }),
  headers: key(texted, { secret: true, default: {}, help: 'Further headers of the first request; another host that it leads to never sees them.' }),
  ssrfPolicy
})

const search = group({ help: 'Searching.' }, {
  enabled: key(flag, { default: true, failsafe: false, help: 'Offer it.' }),
  provider: key(text, { help: 'Which service does it: brave, tavily or searxng; absent: the one that has a key or an address.' }),
  apiKey: secret('Key of that service.'),
  baseUrl: key(text, { help: 'Its address; SearXNG has no other way to be found.' }),
  maxChars: key(integer(1), { help: 'Characters of a result; absent: tools.web.maxChars.' }),
  maxResults: key(integer(1, 20), { default: 5, help: 'Results of one search.' }),
  timeoutSeconds: key(seconds(1), { default: 30, help: 'Time for one search.' }),
  cacheTtlMinutes: key(integer(0), { default: 15, help: 'How long results are reused.' })
})

export const web = group({ help: 'Reading the web.' }, {
  maxChars: key(integer(1), { default: 50_000, help: 'Characters of a result.' }),
  search,
  fetch
})
