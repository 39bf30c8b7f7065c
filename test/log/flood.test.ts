import t from 'tap'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createWireLog } from '../../src/log/wire-log.ts'
import { linesOf, namesIn, openLog } from './capture.ts'

const connects = process.env.OPENCLAW_TEST_LONG ? 1_000_000 : 40_000
const perSecond = 1200
/** Ten megabytes for a million. */
const maxBytesPerConnect = 10

const reasons = ['token_mismatch', 'token_missing', 'device_signature', 'rate_limited', 'protocol_mismatch']

t.test(`${connects} failed connects leave less than ten bytes of log each, and none is unaccounted for`, async t => {
  const log = openLog(t, { maxFileBytes: 104_857_600, maxTotalBytes: 524_288_000 })
  const startedMs = log.nowMs
  const ws = log.logging.child('gateway/ws')
  const wire = createWireLog({ logger: ws, verbose: false, now: () => log.nowMs })
  let seed = 7
  for (let n = 0; n < connects; n++) {
    seed = (seed * 1103515245 + 12345) % 2147483648
    const reason = reasons[seed % reasons.length]!
    log.nowMs = startedMs + n * 1000 / perSecond
    ws.warn({ conn: `conn-${n}`, remoteAddress: `10.${seed % 256}.${n % 256}.1`, userAgent: `agent/${seed}\nx`, reason }, 'connection refused')
    wire.response({
      method: n % 3 === 0 ? `method-${seed}` : 'connect',
      id: `${n}`,
      conn: `conn-${n}`,
      durationMs: seed % 60,
      error: { code: 'INVALID_REQUEST', message: `unauthorized: ${reason}`, details: { code: n % 3 === 0 ? 'INVALID_HANDSHAKE' : `AUTH_${reason.toUpperCase()}` } }
    })
    if (n % 500 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await log.logging.close()
  const bytes = namesIn(log.directory).reduce((sum, name) => sum + statSync(join(log.directory, name)).size, 0)
  const consoleBytes = Buffer.byteLength(log.stdout) + Buffer.byteLength(log.stderr)
  t.comment(`${bytes} bytes in the file, ${consoleBytes} on the console`)
  t.ok(bytes < connects * maxBytesPerConnect)
  t.ok(consoleBytes < connects * maxBytesPerConnect)
  t.equal(log.logging.stats().dropped, 0)

  const counted = linesOf(log.logging.filePath()!).map(line => JSON.parse(line) as { 1: { repeated?: number }, message: string })
  const repeated = counted.reduce((sum, record) => sum + (record[1].repeated ?? 0), 0)
  const written = counted.filter(record => record[1].repeated === undefined).length
  t.equal(written + repeated, 2 * connects)
})

t.test('the cap on all files holds while different lines pour in', async t => {
  const log = openLog(t, { maxFileBytes: 50_000, maxTotalBytes: 120_000 })
  let largest = 0
  for (let n = 0; n < 3000; n++) {
    log.logging.logger.error({ n }, `something else went wrong: ${n}`)
    if (n % 50 !== 0) continue
    await log.logging.flush()
    largest = Math.max(largest, namesIn(log.directory).reduce((sum, name) => sum + statSync(join(log.directory, name)).size, 0))
  }
  await log.logging.flush()
  t.ok(largest > 60_000 && largest <= 120_000, `${largest} bytes at most`)
  t.match(linesOf(log.logging.filePath()!).at(-1), 'something else went wrong: 2999')
})

t.test('a log file that cannot be written is said on the console, once, and nothing else stops', async t => {
  const log = openLog(t, { file: join(t.testdirName, 'blocked', 'gateway.log'), retryMs: 1 })
  writeFileSync(join(log.directory, 'blocked'), '')
  for (let n = 0; n < 20; n++) {
    log.logging.logger.info(`line ${n}`)
    await log.logging.flush()
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  t.equal(log.stderr.match(/the log file cannot be written/g)?.length, 1)
  t.match(log.stderr, 'code=ENOTDIR')
  t.match(log.stdout, 'line 19')
  t.equal(log.logging.stats().fileFailing, true)
  await log.logging.close()
})
