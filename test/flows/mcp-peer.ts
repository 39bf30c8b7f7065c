/** The official MCP client, which starts the bridge as its users do. */
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import type { Test } from 'tap'
import { launcher, type Home } from '../fixtures/daemon.ts'

const token = 'test-token-0123456789abcdef0123456789abcdef'
export const config = (more: object = {}) => ({ gateway: { mode: 'local', auth: { mode: 'token', token } }, ...more })

export interface Peer {
  readonly client: Client
  readonly said: () => string
  readonly pid: number
}

export async function connect (t: Test, { env }: Home, args: readonly string[] = []): Promise<Peer> {
  const transport = new StdioClientTransport({
    command: process.execPath, args: [launcher, 'mcp', 'serve', ...args], env: env as { [name: string]: string }, stderr: 'pipe'
  })
  let said = ''
  transport.stderr!.on('data', chunk => { said += chunk })
  const client = new Client({ name: 'a peer', version: '1' })
  t.teardown(() => client.close())
  await client.connect(transport)
  return { client, said: () => said, pid: transport.pid! }
}

export const call = async (client: Client, name: string, args: object = {}): Promise<any> =>
  await client.callTool({ name, arguments: args as {} }, { timeout: 20_000 })
