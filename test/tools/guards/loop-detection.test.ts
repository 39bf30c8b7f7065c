import t from 'tap'
import { createLoopDetection, findingText, type Call, type LoopSettings } from '../../../src/tools/guards/loop-detection.ts'
import type { ToolResult } from '../../../src/tools/tool.ts'

const settings: LoopSettings = {
  enabled: true,
  historySize: 30,
  warningThreshold: 3,
  criticalThreshold: 6,
  globalCircuitBreakerThreshold: 12,
  unknownToolThreshold: 2,
  maxIterations: 8,
  windowMinutes: 5,
  detectors: { genericRepeat: true, knownPollNoProgress: true, pingPong: true }
}
const said = (text: string): ToolResult => ({ content: [{ type: 'text', text }] })
const call = (name: string, args: Call['arguments'] = {}): Call => ({ name, arguments: args })

/** Calls with their results, one step each; what is said of the last. */
function history (over: Partial<LoopSettings> = {}) {
  let nowMs = 0
  const loops = createLoopDetection(() => nowMs)
  const used = { ...settings, ...over }
  const judge = (...calls: Call[]) => loops.judge(calls, used, name => !name.startsWith('no_'))
  return {
    loops,
    judge,
    wait: (ms: number) => { nowMs += ms },
    did (one: Call, result: string) {
      const [finding] = judge(one)
      loops.record(one, said(result), used)
      return finding?.level
    }
  }
}
const levels = (count: number, one: (index: number) => string | undefined) => Array.from({ length: count }, (_, index) => one(index) ?? '-').join(' ')

t.test('the same call with the same result is warned about, then refused, however its arguments are ordered', t => {
  const { did } = history()
  const told = levels(8, index => did(call('exec', index % 2 ? { a: 1, b: 2 } : { b: 2, a: 1 }), 'same'))
  t.equal(told, '- - - warning warning warning critical critical')
  t.end()
})

t.test('progress is no loop', t => {
  const { did } = history({ maxIterations: 100 })
  t.equal(levels(40, index => did(call('read', { path: 'log' }), `line ${index}`)), levels(40, () => undefined))
  t.equal(levels(40, index => did(call('read', { path: `${index}` }), 'empty')), levels(40, () => undefined))
  t.end()
})

t.test('the same call too often within the window is a loop whatever it brings, and later it is none', t => {
  const { did, wait } = history()
  t.equal(levels(9, index => did(call('exec', { command: 'date' }), `${index}`)), '- - - - - - - - critical')
  wait(5 * 60_000 + 1)
  t.equal(did(call('exec', { command: 'date' }), 'x'), undefined)
  t.end()
})

t.test('two calls in turns are seen', t => {
  const { did } = history()
  const told = levels(8, index => index % 2 ? did(call('a'), 'one') : did(call('b'), 'two'))
  t.equal(told, '- - - warning warning warning critical critical')
  t.equal(history({ detectors: { ...settings.detectors, pingPong: false, genericRepeat: false } }).did(call('a'), 'x'), undefined)
  t.end()
})

t.test('three calls in a ring break the circuit', t => {
  const { did } = history({ criticalThreshold: 10, warningThreshold: 10, maxIterations: 100 })
  const told = levels(16, index => did(call(['a', 'b', 'c'][index % 3]!), 'same'))
  t.equal(told, `${levels(15, () => undefined)} breaker`)
  t.end()
})

t.test('asking how far something is may be slow, and not hectic', t => {
  const poll = call('process', { action: 'poll', sessionId: 'x' })
  const hectic = history()
  t.equal(levels(7, () => hectic.did(poll, 'nothing new')), '- - - warning warning warning critical')
  const patient = history()
  t.equal(levels(40, () => { patient.wait(120_000); return patient.did(poll, 'nothing new') }), levels(40, () => undefined))
  const busy = history()
  t.equal(levels(40, index => busy.did(poll, `${index} files`)), levels(40, () => undefined))
  t.end()
})

t.test('calls of one step count together, before any of them is carried out', t => {
  const { judge } = history()
  const found = judge(...Array.from({ length: 8 }, () => call('exec', { command: 'x' })))
  t.equal(found.map(finding => finding?.level ?? '-').join(' '), '- - - warning warning warning critical critical')
  t.end()
})

t.test('tools that do not exist are a loop by their number', t => {
  const { judge } = history()
  t.equal(levels(4, index => judge(call(`no_${index}`))[0]?.level), '- - critical critical')
  t.end()
})

t.test('what people say anew begins anew, and what is off sees nothing', t => {
  const { did, loops } = history()
  for (let index = 0; index < 5; index++) did(call('a'), 'x')
  loops.forget()
  t.equal(did(call('a'), 'x'), undefined)
  t.equal(levels(30, () => history({ enabled: false }).did(call('a'), 'x')), levels(30, () => undefined))
  t.end()
})

t.test('each finding has words', t => {
  for (const detector of ['genericRepeat', 'knownPollNoProgress', 'pingPong', 'globalCircuitBreaker', 'unknownTool', 'maxIterations'] as const) {
    t.match(findingText({ level: 'critical', detector, count: 7, toolName: 'x'.repeat(500) }), /^(?=.*7)(?=.*x{80}(?!x)).{1,220}$/)
  }
  t.end()
})
