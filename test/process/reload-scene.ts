/** What tests of a configuration that changes under a real gateway share. */
import { writeFileSync } from 'node:fs'
import { admitted, type TestClient } from '../fixtures/client.ts'
import { daemonToken, type Daemon, type Home } from './daemon.ts'

export interface Doc { [key: string]: any }

export const configOf = (reload: Doc = {}, more: Doc = {}): Doc => ({
  gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, reload: { debounceMs: 20, ...reload }, ...more.gateway },
  agents: { entries: { main: { name: 'Main' } } },
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'gateway'))
})

export const save = (home: Home, doc: Doc): void => writeFileSync(home.configPath, JSON.stringify(doc, null, 2), { mode: 0o600 })

export const open = async (daemon: Daemon, token = daemonToken): Promise<TestClient> =>
  (await admitted(daemon.url, { auth: { token }, device: false })).client

/** How often it has begun. */
export const readies = (daemon: Daemon): number => daemon.output().match(/\] ready in/g)?.length ?? 0

export async function statusOf (daemon: Daemon, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return (await fetch(`${daemon.http}/tools/invoke`, { method: 'POST', headers, body: '{}' })).status
}
