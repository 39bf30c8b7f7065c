import t from 'tap'
import { createFileFormat } from '../../src/log/record.ts'
import { logLineText, parseLogLine } from '../../src/cli/log-lines.ts'

const plain = (_style: string, text: string) => text
const text = (raw: string, utc = false) => logLineText(parseLogLine(raw), { utc }, plain)

t.test('a record that our own logger wrote is read back', async t => {
  const write = createFileFormat('host')
  const raw = write({ timeMs: 1_795_000_000_000, level: 'warn', subsystem: 'gateway/ws', message: 'slow', fields: { conn: 'c1', n: 2 } }).trim()
  const parsed = parseLogLine(raw)
  t.match(parsed, { type: 'log', level: 'warn', subsystem: 'gateway/ws', message: 'slow conn=c1 n=2', raw })
  t.equal(new Date((parsed as { time: string }).time).getTime(), 1_795_000_000_000)
  t.match(text(raw, true), /^2026-11-18T11:06:40\.000Z warn gateway\/ws slow conn=c1 n=2$/)
})

t.test('a record of the existing gateway is read too', async t => {
  const raw = JSON.stringify({
    0: '{"subsystem":"gateway/ws"}',
    1: 'res ✗ device.pair.approve 2ms',
    _meta: { runtime: 'node', date: '2026-11-20T10:33:10.815Z', logLevelName: 'INFO', name: '{"subsystem":"gateway/ws"}' },
    time: '2026-11-20T10:33:10.815+00:00',
    message: 'res ✗ device.pair.approve 2ms'
  })
  t.equal(text(raw), '2026-11-20T10:33:10.815+00:00 info gateway/ws res ✗ device.pair.approve 2ms')
  const withoutSubsystem = JSON.stringify({ 0: 'No pending request', _meta: { date: '2026-11-20T10:33:10.815Z', logLevelName: 'ERROR', name: 'openclaw' } })
  t.match(parseLogLine(withoutSubsystem), { level: 'error', message: 'No pending request', subsystem: undefined })
})

t.test('what is no record is shown as it is', async t => {
  for (const raw of ['plain words', '{"half":', 'null', '7', '{"some":"json"}']) {
    t.same(parseLogLine(raw), { type: 'raw', raw })
    t.equal(text(raw), raw)
  }
})

t.test('nothing in a log line steers the terminal', async t => {
  const raw = JSON.stringify({ 0: '{"subsystem":"x\\u001b]0;t"}', 1: 'a\u001b[2Jb\r\nc', _meta: { logLevelName: 'INFO' }, time: 't' })
  t.notMatch(text(raw), /\p{Cc}/u)
  t.notMatch(text('raw \u001b[31m\u0007 line'), /\p{Cc}/u)
})
