import { group, key } from './node.ts'
import { flag, integer, milliseconds, seconds, text, texts } from './types.ts'

const mebibytes = 1024 * 1024

export const dataPlane = group({ help: 'Messages of webhooks and bridges: POST /v1/gateway/messages and its kin.', reload: 'live' }, {
  enabled: key(flag, { default: true, failsafe: false, help: 'Serve it (to callers with operator.write).' }),
  agent: key(text, { help: 'Agent that answers; absent: the default one.' }),
  allowUsers: key(texts, { help: 'The only users that are answered (user_id, else from); absent: all of them, empty: nobody.', failsafe: [] }),
  ownerUsers: key(texts, {
    default: [], help: 'Users whose messages are orders of the owner ("*": all); what others say reaches the agent as words of strangers.'
  }),
  requireMention: key(flag, { default: false, failsafe: true, help: 'In threads, answer only what contains one of mentionPatterns.' }),
  mentionPatterns: key(texts, { default: [], help: 'Words by which the agent is meant; upper and lower case count.' }),
  maxBodyBytes: key(integer(1), { default: 12 * mebibytes, help: 'Size of a request.', reload: 'restart' }),
  maxParts: key(integer(0), { default: 32, help: 'Content parts of one message.' }),
  maxPartBytes: key(integer(1), { default: 8 * mebibytes, help: 'Size of one part, sent or fetched.' }),
  maxTotalPartBytes: key(integer(1), { default: 32 * mebibytes, help: 'Size of all parts of one message.' }),
  fetch: group({ help: 'Parts that name a URL.' }, {
    enabled: key(flag, { default: true, failsafe: false, help: 'Fetch them.' }),
    urlAllowlist: key(texts, { default: [], help: 'Hosts (with what is below them), or host/path, that may be fetched from; empty: every public one.' }),
    ownHosts: key(texts, { default: [], help: 'Exact names of hosts in the own network that may be fetched from.' }),
    timeoutMs: key(milliseconds(1), { default: 15_000, help: 'Time for all fetches of one message.' }),
    maxRedirects: key(integer(0), { default: 5, help: 'Redirects that are followed; none while urlAllowlist names hosts.' })
  }),
  maxUploadBytes: key(integer(1), { default: 1024 * mebibytes, help: 'Files of messages that a workspace keeps in uploads/; beyond it the oldest go.' }),
  resumeSeconds: key(seconds(0), { default: 10, help: 'How long a request goes on when its caller has gone, so that it can be sent again and joined.' })
})
