import t from 'tap'
import { createWireLog } from '../../src/log/wire-log.ts'
import type { WireLogStyle } from '../../src/log/wire-log.ts'
import { openLog } from './capture.ts'

const conn = 'c6809fcd-7a52-4f3e-9b7e-21f4a0c6da89'
const id = '5:7dce0bdb-6aaa-4bbb-8ccc-2222222f7460'
const forbidden = { code: 'FORBIDDEN', message: 'missing scope: operator.read', details: { code: 'MISSING_SCOPE' } }

function open (t: Parameters<typeof openLog>[0], verbose: boolean, style?: WireLogStyle) {
  const log = openLog(t, { verbose, file: null })
  const wire = createWireLog({ logger: log.logging.child('gateway/ws'), style, verbose, now: () => log.nowMs })
  const lines = (): string[] => log.stdout.split('\n').slice(0, -1).map(line => line.replace(/^\S+ /, ''))
  return { log, wire, lines }
}

t.test('normally only failures, slow responses and frames that are none are written', async t => {
  const { log, wire, lines } = open(t, false)
  wire.request({ method: 'health', id, conn })
  wire.event({ event: 'tick', conn })
  wire.response({ method: 'health', id, conn, durationMs: 49.9 })
  wire.response({ method: 'config.get', id, conn, durationMs: 5, error: forbidden })
  wire.response({ method: 'status', id: '7', conn, startedAtMs: log.nowMs - 50 })
  wire.parseError({ conn, reason: 'Unexpected token \n' })
  t.same(lines(), [
    '[ws] ⇄ res ✗ config.get 5ms errorCode=MISSING_SCOPE errorMessage=missing scope: operator.read conn=c6809fcd…da89 id=5:7dce0bdb-6…7460',
    '[ws] ⇄ res ✓ status 50ms conn=c6809fcd…da89 id=7',
    '[ws] ← parse error Unexpected token \\u000a conn=c6809fcd…da89'
  ])
})

t.test('in verbose mode a request and its response are one line, in full style every frame is one', async t => {
  const compact = open(t, true)
  compact.wire.request({ method: 'health', id: '1', conn })
  compact.wire.response({ method: 'health', id: '1', conn, durationMs: 0.4 })
  t.same(compact.lines(), ['[ws] ⇄ res ✓ health 0ms conn=c6809fcd…da89 id=1'])

  const full = open(t, true, 'full')
  full.wire.request({ method: 'health', id: '1', conn })
  full.wire.response({ method: 'health', id: '1', conn, durationMs: 0.4 })
  full.wire.event({ event: 'tick', conn })
  t.same(full.lines(), [
    '[ws] ← req health conn=c6809fcd…da89 id=1', '[ws] → res ✓ health 0ms conn=c6809fcd…da89 id=1', '[ws] → event tick conn=c6809fcd…da89'
  ])
})

t.test('the same failure of many clients is one line, even when each invents a method', async t => {
  const { wire, lines } = open(t, false)
  for (let n = 0; n < 100; n++) {
    wire.response({ method: 'connect', id: `${n}`, conn: `conn-${n}`, durationMs: n % 50, error: { code: 'INVALID_REQUEST', message: 'unauthorized', details: { code: 'AUTH_TOKEN_MISMATCH' } } })
    wire.response({ method: `x${n}`, id: `${n}`, conn, durationMs: 1, error: { code: 'INVALID_REQUEST', message: `unknown method: x${n}`, details: { code: 'UNKNOWN_METHOD' } } })
  }
  t.equal(lines().length, 2)
  wire.response({ method: 'config.get', id, conn, durationMs: 5, error: forbidden })
  wire.response({ method: 'config.set', id, conn, durationMs: 5, error: forbidden })
  t.equal(lines().length, 4, 'different methods of ours stay different lines')
})

t.test('who asked for every frame gets every frame', async t => {
  const { wire, lines } = open(t, true)
  for (let n = 0; n < 10; n++) wire.response({ method: 'health', id: '1', conn, durationMs: 1, error: n % 2 ? forbidden : undefined })
  t.equal(lines().length, 10)
})

t.test('names and ids of strangers stay on their line', async t => {
  const { wire, lines } = open(t, true, 'full')
  wire.request({ method: `a\n${'b'.repeat(500)}`, id: 'i\u001b[2J\u202e', conn })
  t.equal(lines().length, 1)
  t.notMatch(lines()[0], /[\p{Cc}\u202e]/u)
  t.ok(lines()[0]!.length < 160)
})

t.test('nothing is built for a response that is not written', async t => {
  const { log, wire } = open(t, false)
  log.logging.setLevels({ consoleLevel: 'silent' })
  const response = { method: 'health', id, conn, durationMs: 1 }
  // A text would have to be read from these.
  const untouched = { ...response, get method (): string { throw new Error('read') }, get id (): string { throw new Error('read') } }
  t.doesNotThrow(() => wire.response(untouched))
  t.doesNotThrow(() => wire.request(untouched))
})
