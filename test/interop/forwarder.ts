/** A proxy in front of a gateway: passes every upgrade on with the address it claims the client to have. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket, connect } from 'node:net'

const headEnd = '\r\n\r\n'

function forward (client: Socket, port: number, address: string): void {
  const upstream = connect(port, '127.0.0.1')
  let head = ''
  client.on('data', function addHeader (chunk) {
    head += chunk.toString('latin1')
    const end = head.indexOf(headEnd)
    if (end < 0) return
    client.off('data', addHeader)
    upstream.write(`${head.slice(0, end)}\r\nX-Forwarded-For: ${address}${head.slice(end)}`, 'latin1')
    client.pipe(upstream)
  })
  upstream.pipe(client)
  for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
}

/** Resolves with the port to which clients from `address` come. */
export async function startForwarder (t: { teardown (fn: () => unknown): void }, port: number, address: string): Promise<number> {
  const server = createServer(socket => forward(socket, port, address)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
