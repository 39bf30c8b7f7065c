import { command, flag, integer, text } from '../define-command.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { modelCourse, modelsStatus, modelsStatusText, type ModelRow, type ProbeRow, type ProviderRow } from '../model-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

const probeMarginMs = 5_000

/** One after the other: what they cost is seen as it happens. */
async function probe (client: GatewayClient, providers: readonly string[], timeoutMs: number): Promise<ProbeRow[]> {
  const rows: ProbeRow[] = []
  for (const provider of providers) {
    rows.push(await client.request('models.probe', { provider, timeoutMs }, { timeoutMs: timeoutMs + probeMarginMs }) as unknown as ProbeRow)
  }
  return rows
}

export default command({
  name: 'models status',
  summary: 'Show which model answers, its fallbacks, aliases and the state of the providers',
  options: {
    ...rpcOptions,
    agent: text('id', 'For this agent'),
    plain: flag('The name of the default model alone'),
    check: flag('Exit code 1 when a chosen model has no key or a probe fails'),
    probe: flag('Ask each provider that has a key one short question (costs a few tokens)'),
    probeProvider: text('id', 'Ask only this provider'),
    probeTimeout: integer('ms', 'Time for each question', { min: 1, max: 60_000 }, 15_000)
  },
  examples: [
    ['openclaw models status', 'Also what "openclaw models" prints.'],
    ['openclaw models status --probe-provider openai --check', 'For a health check of one provider.']
  ],
  run: context => withGateway(context, modelCourse('Models status'), async ({ client }) => {
    const { options, out } = context
    const agent = options.agent === undefined ? {} : { agentId: options.agent }
    const { models } = await client.request('models.list', { view: 'configured', ...agent }) as { models: ModelRow[] }
    const { providers } = await client.request('models.authStatus', agent) as { providers: ProviderRow[] }
    const usable = providers.filter(({ status }) => status !== 'missing').map(({ provider }) => provider)
    const asked = options.probeProvider === undefined ? options.probe ? usable : [] : [options.probeProvider]
    const probes = await probe(client, asked, options.probeTimeout)
    const status = { ...modelsStatus(models, providers), ...(asked.length > 0 ? { probes } : {}) }
    if (options.json) out.json(status)
    else out.line(options.plain ? status.defaultModel ?? '-' : modelsStatusText(status, Date.now()))
    const healthy = status.missingProvidersInUse.length === 0 && probes.every(({ status: result }) => result === 'ok')
    return options.check && !healthy ? 1 : 0
  })
})
