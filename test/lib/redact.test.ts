import t from 'tap'
import { createRedactor, isCredentialName, maskSecret } from '../../src/lib/redact.ts'
import { hasNestedQuantifier, parsePattern } from '../../src/lib/redact-patterns.ts'

const { redactText, redactValue } = createRedactor()

t.test('a long secret keeps six and four characters, a short one nothing', async t => {
  t.equal(maskSecret('abcdefghijklmnopqr'), 'abcdef…opqr')
  t.equal(maskSecret('abcdefghijklmnopq'), '***')
  t.equal(maskSecret(maskSecret('abcdefghijklmnopqr')), 'abcdef…opqr', 'what is masked stays as it is')
})

const canary = 'Zq7canaryXw9vR2tK4mB8nL1'
const carriers = [
  `OPENAI_API_KEY=${canary}`,
  `export STRIPE_KEY='${canary}'`,
  `GITHUB_TOKEN = "${canary}"`,
  `DB_PASSWORD=${canary};`,
  `token: ${canary}`,
  `{"apiKey":"${canary}","n":1}`,
  `{"client_secret": "${canary}"}`,
  `body {\\"token\\":\\"${canary}\\"}`,
  `{'password':'${canary}'}`,
  `openclaw gateway --token ${canary} --port 1`,
  `openclaw gateway --password=${canary}`,
  `curl --api-key "${canary}"`,
  `--gateway-token ${canary}`,
  `Authorization: Bearer ${canary}`,
  `authorization=Basic ${canary}`,
  `"Authorization":"Bearer ${canary}"`,
  `proxy-authorization: ${canary}`,
  `sent bearer ${canary} and failed`,
  `Cookie: sid=${canary}`,
  `Set-Cookie: a=${canary}; HttpOnly`,
  `GET /?token=${canary}&x=1`,
  `grant_type=password&password=${canary}&x=1`,
  `connect to https://user:${canary}@example.net/x`,
  `x-api-key: ${canary}`,
  `-----BEGIN RSA PRIVATE KEY-----\n${canary}\n${canary}\n-----END RSA PRIVATE KEY-----`,
  `-----BEGIN PRIVATE KEY-----\\n${canary}`,
  `sk-proj-${canary}`,
  `ghp_${canary}`,
  `github_pat_11AA${canary}`,
  `xoxb-1234-${canary}`,
  `xapp-1-${canary}`,
  `gsk_${canary}`,
  `ocgw_${canary}`,
  `AIza${canary}`,
  `pplx-${canary}`,
  `npm_${canary}`,
  `eyJhbGciOiJub25lIn0.${canary}.${canary}`,
  `request to https://api.telegram.org/bot123456789:AAH${canary}xxxxxxxx/getMe failed`,
  `{"setupCode":"${canary}"}`
]

t.test('a canary is found wherever credentials usually stand', async t => {
  for (const text of carriers) t.notMatch(redactText(text), canary, text)
})

t.test('payment cards are masked by the name of their field', async t => {
  t.equal(redactText('{"cardNumber":"4111 1111 1111 1111","cvv":"123"}'), '{"cardNumber":"4111 1…1111","cvv":"***"}')
  t.notMatch(redactText('card number: 4111 1111 1111 1111'), '1111 1111')
})

t.test('masked twice is masked once, so that a log that was read back says the same', async t => {
  for (const text of carriers) t.equal(redactText(redactText(text)), redactText(text), text)
})

t.test('a JSON line is still JSON afterwards', async t => {
  const line = JSON.stringify({ token: 12345, password: null, secret: true, api_key: 'a"b\\c', nested: JSON.stringify({ token: 77, secret: 'x"y' }), cvc: -1.5e3 })
  const parsed = JSON.parse(redactText(line)) as { [name: string]: unknown }
  t.match(parsed, { token: '***', password: null, secret: true, api_key: '***', cvc: '***' })
  t.same(JSON.parse(parsed.nested as string), { token: '***', secret: '***' })
})

t.test('ordinary sentences, names and numbers are left alone', async t => {
  for (const text of [
    'listening on ws://127.0.0.1:18789, http://[::1]:18789 (pid 4711)',
    "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)",
    'gateway token: missing', 'set OPENCLAW_GATEWAY_TOKEN or pass --password.', 'use --token or --password',
    'sessionKey=agent:main:main idempotencyKey=42 inputTokens=100 tokenCount: 5 maxTokens=7',
    'commit 0123456789abcdef0123456789abcdef01234567', 'device 6f1c…9e2a approved', 'task-list done, risk-free', 'Bearer authentication is required',
    '2026-11-20T10:29:58.250+01:00 [ws] ⇄ res ✗ config.get 5ms errorCode=FORBIDDEN conn=c6809fcd…da89 id=5:7dce0bdb-6…7460'
  ]) t.equal(redactText(text), text)
})

t.test('secrets in use are masked by their value, in every form they take', async t => {
  const secrets = ['correct horse', 'correct horse "battery"', 'p%t/x y?z', 'short']
  const redactor = createRedactor({ secrets: () => secrets })
  t.equal(redactor.redactText('he said correct horse "battery" twice'), 'he said *** twice')
  t.equal(redactor.redactText(JSON.stringify({ x: secrets[1] })), '{"x":"***"}')
  t.equal(redactor.redactText(`/go?to=${encodeURIComponent('p%t/x y?z')}`), '/go?to=***')
  t.equal(redactor.redactText('a short word'), 'a short word', 'what is too short to be told from a word stays')
  secrets[0] = 'rotated-value'
  t.equal(redactor.redactText('rotated-value'), '***', 'the next line knows the next secret')
  t.equal(redactor.redactText('correct horse'), 'correct horse')
  secrets.length = 0
  t.equal(redactor.redactText('rotated-value'), 'rotated-value')
})

t.test('a list of patterns takes the place of the default one, and the structural protections stay', async t => {
  const custom = createRedactor({ patterns: ['ACME-[0-9]+', '/case-Sensitive-\\w+/', '\\bPIN\\b\\s*[=:]\\s*(["\']?)([^\\s"\']+)\\1'] })
  t.equal(custom.redactText('acme-12345678901234567890'), 'acme-1…7890')
  t.equal(custom.redactText('case-sensitive-x Case-Sensitive-x case-Sensitive-abc'), 'case-sensitive-x Case-Sensitive-x case-S…-abc')
  t.equal(custom.redactText('PIN = "1234"'), 'PIN = "***"', 'the last group is what is masked')
  t.equal(custom.redactText(`ghp_${canary}`), `ghp_${canary}`)
  for (const text of [`Authorization: Bearer ${canary}`, `client_secret=${canary}`, `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----`,
    'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', `https://u:${canary}@h/`]) {
    t.not(custom.redactText(text), text)
    t.notMatch(custom.redactText(text), canary)
  }
  t.equal(custom.redactText(`${'x '.repeat(5000)}acme-987654 ${'y '.repeat(5000)}`).includes('987654'), false, 'also far into a long text')
})

t.test('a pattern that cannot be compiled or could run for ever is refused by name', async t => {
  const { refusedPatterns } = createRedactor({ patterns: ['(', '(a+)+$', 'fine-\\d+', '/x/qq', '  ', '((?:a|b*)c?){2,}'] })
  t.same(refusedPatterns, ['(', '(a+)+$', '/x/qq', '  ', '((?:a|b*)c?){2,}'])
  t.equal(hasNestedQuantifier('(?:[^"\\\\(]+)x(\\(a\\+\\)+)?'), false)
  t.equal(parsePattern('/a/g')?.flags, 'g')
  t.equal(parsePattern('a/b')?.source, 'a\\/b')
})

t.test('fields are masked by name, whole, whatever they hold', async t => {
  const plain = redactValue({
    token: 'x',
    Authorization: ['Bearer y'],
    'x-api-key': 5,
    password: { hidden: 'z' },
    'gateway.auth.token': 'w',
    clientSecret: 'v',
    cookie: 'u',
    inputTokens: 5,
    sessionKey: 'agent:main:main',
    publicKey: 'pk',
    hasToken: true,
    refreshToken: null,
    note: 'token=abcdef'
  })
  t.same(plain, {
    token: '***',
    Authorization: '***',
    'x-api-key': '***',
    password: '***',
    'gateway.auth.token': '***',
    clientSecret: '***',
    cookie: '***',
    inputTokens: 5,
    sessionKey: 'agent:main:main',
    publicKey: 'pk',
    hasToken: true,
    refreshToken: null,
    note: 'token=***'
  })
  t.equal(isCredentialName('bot_token'), true)
  t.equal(isCredentialName('tokenizer'), false)
})

t.test('any value comes out as plain data of bounded size, and the original is untouched', async t => {
  const circular: { self?: unknown, token: string } = { token: 'keep' }
  circular.self = circular
  let deep: unknown = 'end'
  for (let depth = 0; depth < 50; depth++) deep = { deep }
  t.same(redactValue(circular), { token: '***', self: '[circular]' })
  t.equal(circular.token, 'keep')
  t.match(JSON.stringify(redactValue(deep)), '[…]')
  t.same(redactValue([new Date(0), Buffer.from('secret'), 5n, undefined, () => 1, new Error('token=abcdef')]),
    ['1970-01-01T00:00:00.000Z', '[6 bytes]', '5', null, null, { name: 'Error', message: 'token=***' }])
  t.same(Object.keys(redactValue(JSON.parse('{"__proto__":{"token":"x"}}')) as object), ['__proto__'])
  t.ok(JSON.stringify(redactValue(Array.from({ length: 100_000 }, () => 'x'.repeat(100)))).length < 3_000_000)
})

t.test('a hostile line of a megabyte takes about as long as a harmless one', async t => {
  const size = 1_000_000
  const fill = (piece: string): string => `key ${piece.repeat(Math.ceil(size / piece.length))}`
  const timeOf = (text: string): number => {
    const startedAt = performance.now()
    redactText(text)
    return performance.now() - startedAt
  }
  const harmless = fill('an ordinary word and the next token of it ')
  timeOf(harmless)
  const baselineMs = timeOf(harmless)
  for (const piece of ['a', 'A_', '-', '--a', 'eyJ-', 'eyJaaaaaaaa.', 'token=', 'token ', 'token\\', '\\"token\\":\\"', 'token="', '"token":"x\\"', '-----BEGIN PRIVATE KEY-----"',
    '-----BEGIN ', '//', '//a:', '//a:b', '1', '123456:', 'authorization:', 'cookie: ', '--token ', 'bearer ', 'aA1/', `${'a'.repeat(39)} `, ' ', '\n', 'card number: 1 ', 'sk-', '"']) {
    // A quadratic scan of a megabyte would be thousands of times slower; the wide factor is for busy machines.
    const tookMs = Math.min(timeOf(fill(piece)), timeOf(fill(piece)))
    t.ok(tookMs < Math.max(baselineMs, 5) * 100, `${piece.slice(0, 30)}: ${tookMs.toFixed(0)} ms beside ${baselineMs.toFixed(0)} ms`)
  }
})

t.test('a text beyond what the regular expression engine can hold is still masked', async t => {
  const long = `"token":"${'x\\"'.repeat(6_000_000)}" then ${' '.repeat(10)} password=${canary}`
  t.notMatch(redactText(long).slice(-200), canary)
})
