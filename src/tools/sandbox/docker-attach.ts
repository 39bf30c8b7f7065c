/**
 * The process that stands for a container: starts it, carries its streams, ends as it ends. It is a process of its own so that a command
 * in a container is watched, interrupted and ended like any other. Arguments: address of the engine, id, "pipe" or "ignore" for input.
 */
import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { apiVersion, createEngine, engineAddress, messageOf } from './engine.ts'
import { createFrameReader } from './frames.ts'

const [host = '', id = '', input = 'ignore'] = process.argv.slice(2)
const engine = createEngine(host)
/** What a shell says when a program could not be started. */
const couldNotStart = 126

async function attach (): Promise<{ socket: Socket, head: Buffer }> {
  const path = `/${apiVersion}/containers/${id}/attach?stream=true&stdout=true&stderr=true&stdin=${input === 'pipe'}`
  const headers = { host: 'docker', connection: 'Upgrade', upgrade: 'tcp' }
  const sent = request({ ...engineAddress(host), method: 'POST', path, headers })
  sent.end()
  const upgraded = once(sent, 'upgrade')
  const answered = once(sent, 'response').then(([{ statusCode }]) => { throw new Error(`the engine did not attach (status ${statusCode})`) })
  const [, socket, head] = await Promise.race([upgraded, answered]) as [unknown, Socket, Buffer]
  return { socket, head }
}

/** Waits when whoever reads is slow: the engine does, too. */
async function carry (socket: Socket, head: Buffer): Promise<void> {
  const read = createFrameReader()
  const put = async (chunk: Buffer): Promise<void> => {
    for (const { stream, data } of read(chunk)) {
      const target = stream === 'stderr' ? process.stderr : process.stdout
      if (!target.write(data)) await once(target, 'drain')
    }
  }
  await put(head)
  for await (const chunk of socket as AsyncIterable<Buffer>) await put(chunk)
}

async function run (): Promise<number> {
  const { socket, head } = await attach()
  const carried = carry(socket, head)
  const { status, body } = await engine.call('POST', `/containers/${id}/start`)
  if (status >= 300) {
    process.stderr.write(`the container did not start: ${messageOf(body)}\n`)
    socket.destroy()
    await Promise.allSettled([carried])
    return couldNotStart
  }
  // Asked once it has started: asked before, on a connection of its own, it could be overtaken by the start and miss the end.
  const ended = engine.wait(`/containers/${id}/wait?condition=not-running`)
  if (input === 'pipe') process.stdin.pipe(socket)
  await carried
  const { body: end } = await ended
  return Number((end as { StatusCode?: number }).StatusCode ?? couldNotStart)
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => { engine.call('POST', `/containers/${id}/kill?signal=${signal}`).catch(() => undefined) })
}
run().then(code => { process.exitCode = code }, (error: Error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = couldNotStart
}).finally(() => { process.stdin.destroy() })
