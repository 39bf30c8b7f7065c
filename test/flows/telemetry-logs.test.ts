/** Log records go to a collector, or to stdout for whoever collects that, when the configuration says so and as long as it does. */
import t from 'tap'
import { startCollector } from '../fixtures/otlp-collector.ts'
import { admitted, closeClient, startGateway, type TestGateway } from '../helper.ts'
import { eventually } from '../process/daemon.ts'

const otelOf = (url: string, more: object = {}) =>
  ({ diagnostics: { otel: { enabled: true, endpoint: url, protocol: 'http/json', flushIntervalMs: 1000, traces: false, metrics: false, ...more } } })

let number = 0
/** Each is another line, so that none is only counted. */
const warn = ({ gateway }: TestGateway): void => gateway.fastify.log.warn({ apiKey: 'sk-0123456789abcdef0123456789', number: ++number }, `line ${number}`)

t.test('log records are sent with level, subsystem and facts, and with their words only when that is wanted', async t => {
  const collector = await startCollector()
  t.teardown(() => collector.close())
  const gateway = await startGateway(t, { config: otelOf(collector.url, { logs: true }) })
  const { client } = await admitted(gateway.url)
  const sent = async () => {
    warn(gateway)
    return collector.logs.filter(({ severityText }) => severityText === 'WARN')
  }
  const [first] = await eventually(sent, found => found.length > 0)
  t.match(first, { severityNumber: 13, timeUnixNano: /^\d{19}$/, attributes: [{ key: 'openclaw.subsystem', value: { stringValue: 'http' } }] })
  t.equal(first!.body, undefined)
  t.notMatch(collector.bodies.join(''), /sk-0123456789abcdef/)
  const patch = async (otel: object): Promise<void> => {
    const { payload: { hash } } = await client.request('config.get', {})
    t.match(await client.request('config.patch', { raw: JSON.stringify({ diagnostics: { otel } }), baseHash: hash }), { ok: true })
  }
  await patch({ captureContent: true })
  const spoken = await eventually(sent, found => found.some(({ body }) => body !== undefined))
  t.match(spoken.find(({ body }) => body !== undefined), { body: { stringValue: /^line \d+$/ } })
  await patch({ logs: false })
  await eventually(async () => {
    warn(gateway)
    const before = collector.logs.length
    await new Promise(resolve => setTimeout(resolve, 1_200))
    return collector.logs.length - before
  }, count => count === 0)
  await closeClient(client)
})

t.test('log records are printed as lines for whoever collects stdout, without a collector', async t => {
  const gateway = await startGateway(t, { config: otelOf('http://127.0.0.1:1', { logs: true, logsExporter: 'stdout' }) })
  const [line] = await eventually(async () => {
    warn(gateway)
    return gateway.log.filter(text => text.includes('openclaw.diagnostic.log'))
  }, found => found.length > 0)
  t.match(JSON.parse(line!), { 'service.name': 'openclaw', attributes: { 'openclaw.subsystem': String } })
  t.notMatch(gateway.log.join(''), /collector does not take|sk-0123456789abcdef/)
})
