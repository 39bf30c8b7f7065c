/** The tools that come with the gateway: which of them programs reach is said here, tool by tool. */
import t from 'tap'
import { startGateway } from '../helper.ts'
import { spellings, ways } from './tool-ways.ts'

/** Each tool of the gateway that programs reach without anybody having opened it. Whoever adds one has to say so here. */
const reachable = [
  'agents_list', 'memory_get', 'memory_search', 'message', 'session_status', 'sessions_history', 'sessions_list', 'sessions_search', 'subagents', 'tts', 'web_fetch', 'web_search'
]

for (const { name: way, auth, headers } of ways) {
  t.test(`of the tools that come with the gateway those that are not for programs are refused in every spelling by ${way}`, async t => {
    const { http, gateway } = await startGateway(t, { config: { gateway: { ...('trustedProxy' in auth ? { trustedProxies: ['127.0.0.1'] } : {}), auth } } })
    const tools = (await gateway.rooms.tools.registry()).all()
    t.ok(tools.length > 15)
    const wrong: string[] = []
    for (const { name, aliases = [] } of tools) {
      for (const spelling of [name, ...aliases].flatMap(spellings)) {
        const response = await fetch(`${http}/tools/invoke`, {
          method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ tool: spelling, args: {}, dryRun: true })
        })
        await response.body?.cancel()
        if ((response.status !== 404) !== reachable.includes(name)) wrong.push(`${JSON.stringify(spelling)} of ${name}: ${response.status}`)
      }
    }
    t.same(wrong, [])
  })
}
