/** Where the local network is asked for services and answers, and one socket that speaks to several networks. */
import type { Socket } from 'node:dgram'
import { isIPv4 } from 'node:net'

export const serviceType = '_openclaw-gw._tcp.local'

export interface MdnsPlace {
  readonly address: string
  readonly port: number
}

/** `OPENCLAW_MDNS_ADDRESS` names another place, for networks and tests of one's own; what cannot be read is the usual one. */
export function mdnsPlace (env: { readonly [name: string]: string | undefined }): MdnsPlace {
  const [address = '', port = ''] = (env['OPENCLAW_MDNS_ADDRESS'] ?? '').split(':')
  const isPlace = isIPv4(address) && /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536
  return isPlace ? { address, port: Number(port) } : { address: '224.0.0.251', port: 5353 }
}

export function isMulticast ({ address }: MdnsPlace): boolean {
  const first = Number(address.split('.')[0])
  return first >= 224 && first < 240
}

/** More networks than this are those of containers. */
export const mostNetworks = 8

const send = (socket: Socket, bytes: Buffer, { address, port }: MdnsPlace): Promise<Error | null> =>
  new Promise(resolve => socket.send(bytes, port, address, error => resolve(error)))

/** One after the other: the network is a property of the socket. Resolves to what went wrong, if nothing went right. */
export async function sendToAll (
  socket: Socket, place: MdnsPlace, networks: readonly string[], bytesFor: (network: string) => Buffer
): Promise<Error | undefined> {
  let failed: Error | undefined
  let hasSent = false
  for (const network of networks.slice(0, mostNetworks)) {
    try {
      if (isMulticast(place)) socket.setMulticastInterface(network)
      const error = await send(socket, bytesFor(network), place)
      if (error) failed = error
      else hasSent = true
    } catch (error) {
      failed = error as Error
    }
    if (!isMulticast(place)) break
  }
  return hasSent ? undefined : failed
}
