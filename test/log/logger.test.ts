import t from 'tap'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { GatewayError } from '../../src/protocol/errors.ts'
import { repeatKey } from '../../src/log/repeats.ts'
import { linesOf, openLog, recordsOf } from './capture.ts'

process.env.TZ = 'Asia/Kolkata'

t.test('a record in the file has the keys that existing readers look for', async t => {
  const { logging } = openLog(t)
  logging.child('gateway/ws').info('listening')
  await logging.flush()
  t.same(JSON.parse(linesOf(logging.filePath()!)[0]!), {
    0: '{"subsystem":"gateway/ws"}',
    1: 'listening',
    _meta: {
      runtime: 'node',
      runtimeVersion: process.versions.node,
      hostname: 'host.example',
      date: '2026-11-20T10:29:58.250Z',
      logLevelId: 3,
      logLevelName: 'INFO',
      name: '{"subsystem":"gateway/ws"}',
      parentNames: ['openclaw']
    },
    time: '2026-11-20T15:59:58.250+05:30',
    hostname: 'host.example',
    message: 'listening'
  })
})

t.test('fields stand before the message, and those that processors filter by have columns', async t => {
  const { logging } = openLog(t)
  logging.child('runs').error({ agentId: 'main', sessionKey: 'agent:main:main', channel: 'telegram', traceId: 'ab', n: 1 }, 'run failed')
  logging.logger.info({ only: 'fields' })
  await logging.flush()
  const [run, bare] = recordsOf(logging.filePath()!)
  t.match(run, {
    1: { agentId: 'main', n: 1 },
    2: 'run failed',
    message: 'run failed',
    agent_id: 'main',
    session_id: 'agent:main:main',
    channel: 'telegram',
    traceId: 'ab',
    _meta: { logLevelId: 5, logLevelName: 'ERROR' }
  })
  t.match(bare, { 0: '{"subsystem":"gateway"}', 1: { only: 'fields' }, message: '{"only":"fields"}' })
})

t.test('each level has its id and its name, and fields cannot forge them', async t => {
  const { logging } = openLog(t, { level: 'trace' })
  const log = logging.child('x')
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]({ level: 'fatal', subsystem: 'forged', message: 'forged', time: 'forged', _meta: 1 }, level)
  await logging.flush()
  const records = recordsOf(logging.filePath()!)
  t.same(records.map(({ _meta }) => _meta).map(({ logLevelId, logLevelName }: any) => `${logLevelId} ${logLevelName}`),
    ['1 TRACE', '2 DEBUG', '3 INFO', '4 WARN', '5 ERROR', '6 FATAL'])
  for (const record of records) t.match(record, { 0: '{"subsystem":"x"}', time: /^2026/, message: /^(?!forged)/ })
})

t.test('console and file have levels of their own, which change for loggers that exist', async t => {
  const log = openLog(t, { level: 'warn', consoleLevel: 'error' })
  const child = log.logging.child('x')
  child.info('one')
  child.warn('two')
  log.logging.setLevels({ level: 'debug', consoleLevel: 'info' })
  child.debug('three')
  child.info('four')
  log.logging.setLevels({ level: 'silent', consoleLevel: 'silent' })
  child.fatal('five')
  await log.logging.flush()
  t.same(recordsOf(log.logging.filePath()!).map(({ message }) => message), ['two', 'three', 'four'])
  t.equal(log.stderr, '')
  t.equal(log.stdout, '2026-11-20T15:59:58.250+05:30 [x] four\n')
})

t.test('verbose brings debug to the console and not to the file', async t => {
  const log = openLog(t, { verbose: true })
  log.logging.child('x').debug('detail')
  await log.logging.flush()
  t.match(log.stdout, /\[x\] detail\n/)
  t.equal(log.logging.stats().bytesWritten, 0)
})

t.test('warnings go to stderr with their fields, the rest to stdout without', async t => {
  const log = openLog(t)
  const child = log.logging.child('gateway/channels/telegram/poll')
  child.info({ n: 1 }, 'ready')
  child.warn({ n: 1, text: 'two words', nested: { a: [1] }, token: 'hidden' }, 'slow')
  t.equal(log.stdout, '2026-11-20T15:59:58.250+05:30 [telegram] ready\n')
  t.equal(log.stderr, '2026-11-20T15:59:58.250+05:30 [telegram] slow n=1 text="two words" nested={"a":[1]} token=***\n')
  log.stderr = ''
  child.warn({ long: 'é'.repeat(3000), after: 1 }, 'cut')
  t.ok(Buffer.byteLength(log.stderr) < 2048 + 80)
  t.match(log.stderr, /é…\n$/)
})

t.test('the pretty style has a clock and colors, the JSON style an object per line', async t => {
  const pretty = openLog(t, { isTty: true, env: { NO_COLOR: '1' } })
  pretty.logging.child('gateway/ws/handshake').info('hello')
  t.equal(pretty.stdout, '15:59:58 [ws/handshake] hello\n')

  const colored = openLog(t, { consoleStyle: 'pretty', env: { FORCE_COLOR: '1' } })
  colored.logging.child('ws').warn('hello')
  t.match(colored.stderr, /\u001b\[33mhello/) // eslint-disable-line no-control-regex

  const json = openLog(t, { consoleStyle: 'json' })
  json.logging.child('gateway/ws').warn({ time: 'forged', n: 1 }, 'hello')
  t.same(JSON.parse(json.stderr), { n: 1, time: '2026-11-20T15:59:58.250+05:30', level: 'warn', subsystem: 'gateway/ws', message: 'hello' })
})

t.test('nothing that a stranger sends makes a new line, moves the cursor or turns the text around', async t => {
  const log = openLog(t)
  const forged = 'curl/8\r\n2026-11-20T00:00:00.000+00:00 [gateway] all is well\u001b[2J\u202etxet'
  log.logging.child('http').warn({ userAgent: forged, [forged]: 1, headers: { origin: [forged] } }, `refused ${forged}`)
  log.logging.child(`plugin/${forged}`).error(new Error(forged))
  await log.logging.flush()
  const written = linesOf(log.logging.filePath()!)
  t.equal(written.length, 2)
  t.equal(log.stderr.split('\n').length, 3)
  for (const text of [...written, ...log.stderr.split('\n'), ...written.map(line => JSON.stringify(JSON.parse(line)))]) {
    t.notMatch(text, /[\p{Cc}\u202e]/u)
    t.notMatch(text, /(?<!\\)\\[rn]/, 'not even for whoever decodes the JSON')
  }
  t.match(written[0], /curl\/8\\\\u000d\\\\u000a2026/)
})

t.test('a header value in a real request reaches the log as one escaped line', async t => {
  const log = openLog(t)
  const app = fastify({ loggerInstance: log.logging.child('http') })
  t.teardown(() => app.close())
  app.get('/', async request => { request.log.warn({ headers: request.headers }, `origin ${request.headers.origin}`); return 'ok' })
  app.get('/fails', async () => { throw new Error('no bot token 123456789:AAHcanarycanarycanarycanarycanary1') })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const get = (path: string, headers: { [name: string]: string }): Promise<void> => new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, headers }, response => { response.resume().on('end', resolve) }).on('error', reject).end()
  })
  await get('/', { origin: 'http://a\u0085\u00a0b', authorization: 'Bearer canarycanarycanarycanary', cookie: 'sid=canarycanarycanary' })
  await get('/fails?token=canarycanarycanarycanary', {})
  await log.logging.flush()
  const everything = linesOf(log.logging.filePath()!).join('\n') + log.stdout + log.stderr
  t.match(everything, 'origin http://a\\\\u0085')
  t.match(everything, '"reqId":"req-')
  t.match(everything, /"stack":\["at /)
  t.notMatch(everything, /canarycanary/)
})

t.test('secrets in use never reach console or file, wherever they stand', async t => {
  const secret = '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd6'
  const log = openLog(t, { secrets: () => [secret] })
  const error = new Error(`connect with ${secret}`, { cause: new GatewayError('NOT_FOUND', { details: { url: `/x?y=${secret}` } }) })
  log.logging.child(`x/${secret}`).warn({ [secret]: 1, url: `ws://h/?q=${secret}`, list: [[secret]], error }, `got ${secret}`)
  log.logging.logger.error(error)
  log.logging.logger.child({ reqId: secret }).error('%s and %o', secret, { a: secret })
  await log.logging.flush()
  const everything = linesOf(log.logging.filePath()!).join('\n') + log.stdout + log.stderr
  t.notMatch(everything, secret)
  t.match(everything, 'NOT_FOUND')
})

t.test('whatever is logged, the record stays small and the caller is not disturbed', async t => {
  const log = openLog(t, { maxFileBytes: 10_000_000 })
  const circular: { self?: unknown } = {}
  circular.self = circular
  log.logging.logger.info({ circular, big: 5n, fn () {}, symbol: Symbol('x'), date: new Date(0), undef: undefined, nan: NaN }, 'odd')
  log.logging.logger.info({ many: Array.from({ length: 9000 }, () => 'x'.repeat(50)) }, 'large')
  log.logging.logger.info('y'.repeat(1_000_000))
  await log.logging.flush()
  const lines = linesOf(log.logging.filePath()!)
  t.equal(lines.length, 3)
  for (const line of lines) t.ok(Buffer.byteLength(line) < 65_536)
  const [odd, large, long] = recordsOf(log.logging.filePath()!)
  t.match(odd, { 1: { date: '1970-01-01T00:00:00.000Z', big: 5 } })
  t.match(large, { 1: { omittedFieldBytes: Number }, 2: 'large' })
  t.equal(long!.message.length, 4096)
})

t.test('a line that repeats is written once and then counted, whatever its fields say', async t => {
  const log = openLog(t)
  const child = log.logging.child('ws')
  for (let n = 0; n < 500; n++) child.warn({ n }, 'connection refused')
  child.error('connection refused')
  log.logging.child('other').warn('connection refused')
  t.equal(log.stderr.split('\n').length - 1, 3)
  log.nowMs += 10_000
  child.warn({ n: 500 }, 'connection refused')
  await log.logging.close()
  t.same(recordsOf(log.logging.filePath()!).map(({ message, _meta }) => `${_meta.logLevelName} ${message}`), [
    'WARN connection refused', 'ERROR connection refused', 'WARN connection refused',
    'WARN connection refused (repeated 499 times in 10 s)', 'WARN connection refused'
  ])
  t.equal(log.logging.stats().suppressed, 499)
})

t.test('the count comes by itself when nothing follows', async t => {
  const log = openLog(t, { repeatWindowMs: 40 })
  log.logging.logger.info('again')
  log.logging.logger.info('again')
  // Not before both were said, however long the machine takes between two lines.
  log.nowMs += 40
  // The log's own timer does not keep a process alive, this one does.
  const waiting = setInterval(() => {}, 10)
  while (!log.stdout.includes('(repeated 1 time in 0.04 s)')) await new Promise(resolve => setTimeout(resolve, 5))
  clearInterval(waiting)
  t.equal(log.stdout.split('\n').length - 1, 2)
})

t.test('what must not be held back says so, and what differs in its text only says what is the same', async t => {
  const log = openLog(t)
  for (let n = 0; n < 3; n++) {
    log.logging.logger.info({ [repeatKey]: null }, 'device approved')
    log.logging.logger.info({ [repeatKey]: 'refusal' }, `refused number ${n}`)
    log.logging.logger.fatal('the end')
  }
  t.same(log.stdout.match(/device approved|refused.*/g), ['device approved', 'refused number 0', 'device approved', 'device approved'])
  t.equal(log.stderr.match(/the end/g)?.length, 3)
})

t.test('more different lines than the table of repeats holds lose no count', async t => {
  const log = openLog(t, { file: null })
  for (let round = 0; round < 2; round++) log.logging.logger.info('first')
  for (let n = 0; n < 1100; n++) log.logging.logger.info(`line ${n}`)
  t.match(log.stdout, 'first (repeated 1 time in 10 s)')
})

t.test('a terminal that goes away, or one that is not read, does not take the gateway with it', async t => {
  const { PassThrough } = await import('node:stream')
  const stdout = new PassThrough()
  const log = openLog(t, { stdout, file: null })
  for (let n = 0; n < 3000; n++) log.logging.logger.info(`${'x'.repeat(1000)} ${n}`)
  t.ok(log.logging.stats().dropped > 1500)
  t.ok(stdout.writableLength + stdout.readableLength < 1_300_000)
  stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  log.logging.logger.info('still here')
  log.logging.logger.warn('and on the other stream')
  t.match(log.stderr, 'and on the other stream')
})

t.test('a refused pattern is named in the log', async t => {
  const log = openLog(t, { redactPatterns: ['(x+)+'] })
  t.match(log.stderr, 'a pattern in logging.redactPatterns is not used')
})

t.test('without a file nothing is written to one', async t => {
  const log = openLog(t, { file: null })
  log.logging.logger.info('hello')
  await log.logging.flush()
  log.logging.flushSync()
  t.equal(log.logging.filePath(), null)
  t.match(log.stdout, 'hello')
})
