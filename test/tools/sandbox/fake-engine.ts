/** A container engine of one afternoon: it speaks the wire format of the Engine API, and its containers are processes of this machine. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Container {
  readonly id: string
  readonly name: string
  readonly spec: { readonly [field: string]: any }
  process?: ChildProcess
  socket?: Socket
  exitCode?: number
  readonly waiting: Array<(code: number) => void>
}

export interface FakeEngine {
  readonly host: string
  readonly calls: string[]
  readonly containers: Map<string, Container>
  /** What it knows from before. */
  remember (id: string, labels: object): void
}

const frame = (stream: 1 | 2, data: Buffer): Buffer => {
  const head = Buffer.alloc(8)
  head[0] = stream
  head.writeUInt32BE(data.length, 4)
  return Buffer.concat([head, data])
}

function begin (container: Container): void {
  const { spec, socket } = container
  const [file, ...args] = spec['Cmd'] as [string, ...string[]]
  const child = spawn(file, args, { env: { PATH: process.env['PATH'] }, stdio: ['pipe', 'pipe', 'pipe'] })
  container.process = child
  child.stdout.on('data', (data: Buffer) => socket?.write(frame(1, data)))
  child.stderr.on('data', (data: Buffer) => socket?.write(frame(2, data)))
  child.stdin.on('error', () => {})
  if (spec['OpenStdin']) socket?.pipe(child.stdin)
  else child.stdin.end()
  child.once('close', (code, signal) => {
    container.exitCode = code ?? (signal === 'SIGKILL' ? 137 : 143)
    for (const tell of container.waiting.splice(0)) tell(container.exitCode)
    socket?.end()
  })
}

async function bodyOf (incoming: IncomingMessage): Promise<any> {
  const parts: Buffer[] = []
  for await (const part of incoming) parts.push(part)
  return parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : undefined
}

export async function createFakeEngine (t: { teardown (fn: () => unknown): void }): Promise<FakeEngine> {
  const directory = mkdtempSync(join(tmpdir(), 'engine-'))
  const containers = new Map<string, Container>()
  const calls: string[] = []
  const open = new Set<Socket>()
  const reply = (response: ServerResponse, status: number, body?: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body === undefined ? undefined : JSON.stringify(body))
  }

  async function answer (incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url!, 'http://docker')
    const [, , kind, id, action] = url.pathname.split('/')
    calls.push(`${incoming.method} ${[kind, id && containers.has(id) ? '<id>' : id, action].filter(Boolean).join('/')}`)
    if (id === 'create') {
      const spec = await bodyOf(incoming)
      if (spec.Image === 'absent') return reply(response, 404, { message: 'No such image: absent:latest' })
      const container: Container = { id: `c${containers.size + 1}`.padEnd(64, '0'), name: url.searchParams.get('name')!, spec, waiting: [] }
      containers.set(container.id, container)
      return reply(response, 201, { Id: container.id, Warnings: [] })
    }
    if (id === 'json') {
      const { label: [wanted] } = JSON.parse(url.searchParams.get('filters')!) as { label: [string] }
      const found = [...containers.values()].filter(({ spec }) => Object.entries(spec['Labels']).some(([name, value]) => `${name}=${value}` === wanted))
      return reply(response, 200, found.map(container => ({ Id: container.id })) as unknown as object)
    }
    const container = containers.get(id!)
    if (!container) return reply(response, 404, { message: `No such container: ${id}` })
    if (action === 'start') {
      if (container.spec['WorkingDir'] === '/workspace/unstartable') return reply(response, 500, { message: 'the directory is not there' })
      begin(container)
      return reply(response, 204)
    }
    if (action === 'wait') return reply(response, 200, { StatusCode: container.exitCode ?? await new Promise<number>(resolve => container.waiting.push(resolve)) })
    if (action === 'kill') {
      container.process?.kill(url.searchParams.get('signal') as NodeJS.Signals)
      return reply(response, 204)
    }
    if (incoming.method === 'DELETE') {
      container.process?.kill('SIGKILL')
      containers.delete(container.id)
      return reply(response, 204)
    }
    reply(response, 400, { message: 'unknown' })
  }

  const server = createServer((incoming, response) => { answer(incoming, response).catch(() => response.destroy()) })
  server.on('upgrade', (incoming, socket: Socket) => {
    const container = containers.get(incoming.url!.split('/')[3]!)
    calls.push('POST containers/<id>/attach')
    open.add(socket)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
    if (container) container.socket = socket
  })
  server.listen(join(directory, 'engine.sock'))
  await once(server, 'listening')
  t.teardown(() => {
    for (const { process: child } of containers.values()) child?.kill('SIGKILL')
    for (const socket of open) socket.destroy()
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    host: `unix://${join(directory, 'engine.sock')}`,
    calls,
    containers,
    remember: (id, labels) => { containers.set(id, { id, name: id, spec: { Labels: labels }, waiting: [] }) }
  }
}
