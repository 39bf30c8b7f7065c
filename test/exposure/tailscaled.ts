/** A tailscaled as far as the gateway sees it: its LocalAPI on a socket of its own, and its program. */
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export interface Tailscaled {
  readonly socketPath: string
  /** The addresses that it was asked about. */
  readonly asked: string[]
  answer: (address: string, response: ServerResponse) => void
}

const profile = (login: string) => ({
  Node: { ID: 1, Name: 'laptop.tailnet.ts.net.', User: 7 }, UserProfile: { ID: 7, LoginName: login, DisplayName: 'Somebody', ProfilePicURL: '' }, CapMap: {}
})

export async function startTailscaled (t: Test, users: { readonly [address: string]: string }): Promise<Tailscaled> {
  // The directories of tests have names that are too long for a socket.
  const directory = mkdtempSync(join(tmpdir(), 'tailscaled-'))
  const socketPath = join(directory, 'tailscaled.sock')
  const tailscaled: Tailscaled = {
    socketPath,
    asked: [],
    answer (address, response) {
      const login = users[address]
      if (login === undefined) response.writeHead(404).end('no match for IP:port\n')
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(profile(login)))
    }
  }
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://local-tailscaled.sock')
    if (request.headers.host !== 'local-tailscaled.sock' || pathname !== '/localapi/v0/whois') return response.writeHead(403).end('bad request\n')
    const address = searchParams.get('addr')!
    tailscaled.asked.push(address)
    tailscaled.answer(address, response)
  })
  server.listen(socketPath)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return tailscaled
}

export interface Program {
  readonly file: string
  /** One line for each time it was called. */
  calls (): string[]
}

/** Writes down what it was called with, then does what the lines say. */
export function createProgram (directory: string, ...lines: string[]): Program {
  const file = join(directory, 'tailscale')
  const calls = join(directory, 'calls')
  writeFileSync(file, `#!/bin/sh\necho "$*" >> '${calls}'\n${lines.join('\n')}\n`)
  chmodSync(file, 0o755)
  return { file, calls: () => existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [] }
}
