/** The wire format of OTLP, against bytes that the official protocol definitions made, and delivery to collectors that misbehave. */
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { currentTrace, parseTraceparent, traceHeaders, traceparentOf } from '../../src/lib/trace-context.ts'
import { createGatewayMeters } from '../../src/telemetry/gateway-meters.ts'
import { startOtel, type OtelOptions, type OtelSettings } from '../../src/telemetry/otel/exporter.ts'
import { logLine, logOf, type LogFact } from '../../src/telemetry/otel/logs.ts'
import { keyValues, logsBody, metricsBody, traceBody, type OtlpSpan } from '../../src/telemetry/otel/otlp.ts'
import { createTracer } from '../../src/telemetry/otel/spans.ts'
import { eventually } from '../process/daemon.ts'

const origin = { resource: { attributes: keyValues({ 'service.name': 's' }) }, scope: { name: 'n', version: '1' } }
const span: OtlpSpan = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentSpanId: '00f067aa0ba902b7',
  name: 'x',
  kind: 2,
  startTimeUnixNano: '1795289476181000001',
  endTimeUnixNano: '1795289476182000001',
  attributes: keyValues({ a: 'é', b: 1, c: true, d: 1.5, e: -7 }),
  status: { code: 2, message: 'bad' },
  flags: 1
}

t.test('spans and numbers are the bytes that the official definitions give', async t => {
  t.equal(traceBody([span], origin, 'http/protobuf').toString('hex'),
    '0ab0010a150a130a0c736572766963652e6e616d6512030a01731296010a060a016e120131128b010a100af7651916cd43dd8448eb211c80319c1208b7ad6b7169203331' +
    '220800f067aa0ba902b72a017830023941ffc3484426ea18418141d3484426ea184a090a016112040a02c3a94a070a0162120218014a070a0163120210014a0e0a016412' +
    '0921000000000000f83f4a100a0165120b18f9ffffffffffffffff017a0712036261641802850101000000')
  const points = [{ attributes: keyValues({ m: 'x' }), startTimeUnixNano: '1', timeUnixNano: '2', asDouble: 3.5 }]
  const histogram = {
    dataPoints: [{ attributes: [], startTimeUnixNano: '1', timeUnixNano: '2', count: '3', sum: 1.5, bucketCounts: ['1', '2', '0'], explicitBounds: [0.5, 1] }],
    aggregationTemporality: 2 as const
  }
  t.equal(metricsBody([
    { name: 's', description: 'd', unit: 'ms', sum: { dataPoints: points, aggregationTemporality: 2, isMonotonic: true } },
    { name: 'g', description: 'd', gauge: { dataPoints: points } },
    { name: 'h', description: 'd', histogram }
  ], origin, 'http/protobuf').toString('hex'), '0aea010a150a130a0c736572766963652e6e616d6512030a017312d0010a060a016e12013112370a01731201641a026d733a2b0a25110100000000000000190200000000' +
    '000000210000000000000c403a080a016d12030a017810021801122f0a01671201642a270a25110100000000000000190200000000000000210000000000000c403a080a' +
    '016d12030a0178125c0a01681201644a540a5011010000000000000019020000000000000021030000000000000029000000000000f83f32180100000000000000020000' +
    '000000000000000000000000003a10000000000000e03f000000000000f03f1002')
  t.match(JSON.parse(String(traceBody([span], origin, 'http/json'))), { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: span.traceId, attributes: [{ value: { stringValue: 'é' } }] }] }] }] })
})

const fact: LogFact = {
  timeMs: 1_795_289_476_181,
  level: 'warn',
  subsystem: 'gateway/ws',
  message: 'what was said',
  fields: { traceId: span.traceId, spanId: span.spanId, count: 3, key: 'agent:main:private', err: { message: 'quotes it', code: 'EPIPE' }, deep: { x: 1 } }
}

t.test('log records are the bytes that the definitions give, without what was said unless that is wanted', async t => {
  const record = logOf(fact, true)
  t.same(record.attributes.map(({ key, value }) => [key, Object.values(value)[0]]), [
    ['openclaw.subsystem', 'gateway/ws'], ['count', '3'], ['key', 'unknown'], ['err.code', 'EPIPE']
  ])
  // Field by field: time (1), severity (2, 3), body (5), attributes (6), trace (9), span (10), observed (11).
  const time = '40ffc3484426ea18'
  const attribute = '0a016112021803'
  const expected = `09${time}100d1a045741524e2a030a01783207${attribute}4a10${span.traceId}5208${span.spanId}59${time}`
  const small = logOf({ ...fact, message: 'x', fields: { traceId: span.traceId, spanId: span.spanId } }, true)
  const bytes = logsBody([{ ...small, attributes: keyValues({ a: 3 }) }], origin, 'http/protobuf').toString('hex')
  const hex = (value: number): string => value.toString(16).padStart(2, '0')
  const records = `0a060a016e12013112${hex(expected.length / 2)}${expected}`
  const resource = '0a150a130a0c736572766963652e6e616d6512030a0173'
  const all = `${resource}12${hex(records.length / 2)}${records}`
  t.equal(bytes, `0a${hex(all.length / 2)}${all}`)
  t.equal(logOf(fact, false).body, undefined)
  t.notMatch(JSON.stringify(logOf(fact, false)), /said|quotes|private/)
  t.match(JSON.parse(logLine(fact, true, 'openclaw')), { signal: 'openclaw.diagnostic.log', severity: 'WARN', body: 'what was said', traceId: span.traceId })
  t.notMatch(logLine(fact, false, 'openclaw'), 'what was said')
})

t.test('log records wait for a collector that is away, and the oldest make room, which is counted', async t => {
  const { exporter, meters } = otel(t, 'http://127.0.0.1:1')
  for (let number = 0; number < 6_000; number++) exporter.log!(fact)
  const dropped = (): number => [...meters.exports.all()].find(({ labels: [signal, outcome] }) => signal === 'logs' && outcome === 'dropped')?.count ?? 0
  t.ok(dropped() >= 6_000 - 4096 - 512 && dropped() <= 6_000 - 4096, `${dropped()} were let go`)
})

t.test('a traceparent is read as the standard says, and what is none begins a new trace', async t => {
  const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  t.equal(traceparentOf(parseTraceparent(good)!), good)
  t.ok(parseTraceparent('cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later'), 'later versions may say more')
  for (const bad of [undefined, '', 'x', `${good}-more`, good.toUpperCase(), good.replace('00-', 'ff-'), `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`, 'a'.repeat(100_000), 7]) t.equal(parseTraceparent(bad), undefined, String(bad).slice(0, 80))
})

t.test('spans hang on each other through whatever is waited for, and end with their work', async t => {
  const ended: OtlpSpan[] = []
  const tracer = createTracer({ sampleRate: 1, ended: one => ended.push(one), redact: text => text })
  await tracer.span('outer', { kind: 'server', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }, async () => {
    await new Promise(resolve => setTimeout(resolve, 1))
    t.match(traceHeaders(), { traceparent: /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/ })
    await t.rejects(tracer.span('inner', { kind: 'client' }, async () => { throw Object.assign(new Error('with a secret'), { code: 'ECONNREFUSED' }) }))
    t.throws(() => tracer.span('sync', { kind: 'internal' }, () => { throw new TypeError('no') }))
  })
  const [inner, sync, outer] = ended
  t.match(outer, { name: 'outer', parentSpanId: 'b7ad6b7169203331', status: { code: 0 } })
  t.match(inner, { parentSpanId: outer!.spanId, traceId: outer!.traceId, kind: 3, status: { code: 2, message: 'ECONNREFUSED' } })
  t.match(sync, { parentSpanId: outer!.spanId, status: { message: 'TypeError' } })
  t.ok(BigInt(outer!.endTimeUnixNano) > BigInt(outer!.startTimeUnixNano))
  t.equal(currentTrace(), undefined)
  const none = createTracer({ sampleRate: 0, ended: one => ended.push(one), redact: text => text })
  none.span('not kept', { kind: 'internal' }, () => t.match(traceHeaders(), { traceparent: /-00$/ }, 'and says so to whoever is asked'))
  t.equal(ended.length, 3)
})

function otel (t: Test, url: string, more: Partial<OtelSettings> = {}): { exporter: ReturnType<typeof startOtel>, meters: OtelOptions['meters'], said: string[] } {
  const said: string[] = []
  const meters = createGatewayMeters()
  const exporter = startOtel({
    settings: {
      tracesUrl: new URL(`${url}/v1/traces`),
      metricsUrl: new URL(`${url}/v1/metrics`),
      logsUrl: new URL(`${url}/v1/logs`),
      printsLogs: false,
      captureContent: false,
      protocol: 'http/json',
      headers: {},
      sampleRate: 1,
      flushIntervalMs: 50,
      metricNamePrefix: '',
      resource: {},
      version: '0',
      ...more
    },
    meters,
    readings: async () => [],
    redact: text => text,
    now: Date.now,
    print: line => said.push(line),
    trouble: (signal, outcome) => said.push(`${signal} ${outcome}`),
    recovered: signal => said.push(`${signal} again`)
  })
  t.teardown(() => exporter.close())
  return { exporter, meters, said }
}

t.test('a collector that is away, slow or refuses costs nobody anything, and gets what is left when it is back', async t => {
  let status = 503
  let spans = 0
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (status === 200 && request.url === '/v1/traces') {
        spans += (JSON.parse(String(Buffer.concat(chunks))) as { resourceSpans: [{ scopeSpans: [{ spans: [] }] }] }).resourceSpans[0].scopeSpans[0].spans.length
      }
      response.statusCode = status
      response.end('x'.repeat(200_000))
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => collector.close())
  await new Promise(resolve => collector.once('listening', resolve))
  const { exporter, meters, said } = otel(t, `http://127.0.0.1:${(collector.address() as AddressInfo).port}`)
  for (let number = 0; number < 10_000; number++) exporter.tracer!.span('x', { kind: 'internal' }, () => {})
  const dropped = (): number => [...meters.exports.all()].find(({ labels }) => labels[1] === 'dropped')?.count ?? 0
  t.ok(dropped() >= 10_000 - 4096 - 512, `${dropped()} were let go`)
  await eventually(async () => said, words => words.includes('traces unreachable'))
  t.equal(spans, 0)
  status = 200
  await eventually(async () => spans, count => count >= 4096)
  await eventually(async () => said, words => words.includes('traces again'))
  t.ok(spans <= 4096 + 512)
})

t.test('a collector that takes the connection and never answers does not hold up the end', async t => {
  const silent = createTcpServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await new Promise(resolve => silent.once('listening', resolve))
  const { exporter } = otel(t, `http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
  exporter.tracer!.span('x', { kind: 'internal' }, () => {})
  await new Promise(resolve => setTimeout(resolve, 100))
  const closed = exporter.close().then(() => 'closed')
  t.equal(await Promise.race([closed, new Promise(resolve => setTimeout(resolve, 6_000, 'held up').unref())]), 'closed')
})
