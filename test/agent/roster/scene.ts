/** A gateway whose configuration also stands in its file, as that of a daemon does, and an administrator on a socket. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { admitted, closeClient, startGateway, type Frame } from '../../helper.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export async function withFile (t: Test, config: { [section: string]: unknown } = {}, rewrite: (json: string) => string = json => json) {
  const gateway = await startGateway(t, { config })
  const file = join(gateway.stateDir, 'openclaw.json')
  writeFileSync(file, rewrite(JSON.stringify(JSON.parse(gateway.gateway.rooms.config().raw!), null, 2)))
  const { client } = await admitted(gateway.url)
  t.teardown(() => closeClient(client))
  return {
    gateway,
    client,
    file,
    text: () => readFileSync(file, 'utf8'),
    /** What it says to a request that must succeed. */
    async call (method: string, params: object = {}): Promise<Frame> {
      const { ok, payload, error } = await client.request(method, params, 10_000)
      if (!ok) throw new Error(`${method}: ${error.message}`)
      return payload
    },
    /** What it says to one that must not. */
    async refused (method: string, params: object = {}): Promise<Frame> {
      const { ok, error, payload } = await client.request(method, params, 10_000)
      if (ok) throw new Error(`${method} was not refused: ${JSON.stringify(payload)}`)
      return error
    }
  }
}
