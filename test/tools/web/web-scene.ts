/** The web tools over a configuration as a file would have it, with a clock and a name server of the test's own. */
import type { Test } from 'tap'
import { loadConfig } from '../../../src/config/load.ts'
import { resolvePaths } from '../../../src/config/paths.ts'
import { createOutbound } from '../../../src/lib/outbound/outbound.ts'
import { webFetch } from '../../../src/tools/builtin/web-fetch.ts'
import { webSearch } from '../../../src/tools/builtin/web-search.ts'
import type { ToolContext } from '../../../src/tools/tool.ts'
import { createWeb, type Web } from '../../../src/tools/web/web.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'

export interface Answer {
  readonly text: string
  readonly details: { readonly [field: string]: any }
  readonly isError: boolean
}

export interface WebScene {
  readonly web: Web
  readonly clock: { nowMs: number }
  fetch (args: object, signal?: AbortSignal): Promise<Answer>
  search (args: object, signal?: AbortSignal): Promise<Answer>
}

/** Every name is this machine. */
const resolve = async (): Promise<string[]> => ['127.0.0.1']

export const toolContext = (signal = new AbortController().signal): ToolContext =>
  ({ sessionKey: 'agent:main:main', agentId: 'main', callId: 'call', signal, update () {} })

/** Everything that a configuration file may say, with the variables that the gateway sees. */
export async function createWebScene (t: Test, source: object = {}, variables: { [name: string]: string } = {}): Promise<WebScene> {
  const stateDir = ownDirectory(t)
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_HOME: stateDir, ...variables }
  const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ gateway: { mode: 'local' }, ...source }) })
  t.same(loaded.issues, [], 'the configuration of the test is one')
  const clock = { nowMs: 1_000_000 }
  const web = createWeb({ config: () => loaded, now: () => clock.nowMs, outbound: createOutbound({ resolve }) })
  t.teardown(async () => await web.close())
  const call = (tool: ReturnType<typeof webFetch>) => async (args: object, signal?: AbortSignal): Promise<Answer> => {
    const { content, details, isError = false } = await tool.run(args as { [name: string]: unknown }, toolContext(signal))
    return { text: (content[0] as { text: string }).text, details: details as Answer['details'], isError }
  }
  return { web, clock, fetch: call(webFetch({ web })), search: call(webSearch({ web })) }
}
