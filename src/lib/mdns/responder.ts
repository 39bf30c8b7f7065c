/** Answers who looks for the service in the local network. It is a courtesy: nothing that happens here is anybody else's trouble. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { BlockList } from 'node:net'
import { networkInterfaces } from 'node:os'
import { isMulticast, sendToAll, type MdnsPlace } from './link.ts'
import { decodeMessage, encodeMessage, type DnsMessage } from './message.ts'
import { announcement, answerTo, type Announced, type AnswerOptions } from './records.ts'

export interface ResponderOptions {
  readonly place: MdnsPlace
  readonly service: Announced
  /** Our addresses in the networks that are told; asked again now and then, because they come and go. */
  readonly networks: () => readonly string[]
  /** Once for each trouble, however long it lasts. */
  readonly onTrouble: (error: Error) => void
}

export interface Responder {
  /** Says goodbye. Twice is safe. */
  close (): Promise<void>
}

const repeatedAnnouncementMs = 1_000
const betweenAnswersMs = 1_000
const lookAgainMs = 60_000
const mostAloneEachSecond = 10
const mostReadEachSecond = 200
const goodbyeMs = 500

/** At most so many each second. */
function createAllowance (most: number): () => boolean {
  let second = 0
  let taken = 0
  return () => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) [second, taken] = [now, 0]
    return taken++ < most
  }
}

/** Which of our addresses is in the same network; none for a stranger from elsewhere, who gets no answer. */
function nearest (source: string, networks: readonly string[]): string[] {
  if (source.startsWith('127.')) return [...networks]
  return Object.values(networkInterfaces()).flatMap(list => list ?? []).filter(({ address, family, cidr }) => {
    if (family !== 'IPv4' || !cidr || !networks.includes(address)) return false
    const subnet = new BlockList()
    subnet.addSubnet(address, Number(cidr.split('/')[1]), 'ipv4')
    return subnet.check(source)
  }).map(({ address }) => address)
}

function openSocket ({ place }: ResponderOptions, networks: readonly string[]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    const failed = (error: unknown): void => {
      socket.close()
      reject(error)
    }
    socket.once('error', failed)
    socket.bind({ port: place.port, address: isMulticast(place) ? '0.0.0.0' : place.address }, () => {
      try {
        if (isMulticast(place)) {
          join(socket, place, networks)
          socket.setMulticastTTL(255)
        }
        socket.removeListener('error', failed)
        resolve(socket.unref())
      } catch (error) {
        failed(error)
      }
    })
  })
}

/** One network that cannot be joined does not keep us from the others. */
function join (socket: Socket, { address }: MdnsPlace, networks: readonly string[]): void {
  const troubles = networks.flatMap(network => {
    try {
      socket.addMembership(address, network)
      return []
    } catch (error) {
      return [error]
    }
  })
  if (troubles.length > 0 && troubles.length === networks.length) throw troubles[0]
}

export function createResponder (options: ResponderOptions): Responder {
  const { place, service } = options
  const mayAnswerAlone = createAllowance(mostAloneEachSecond)
  const mayRead = createAllowance(mostReadEachSecond)
  let socket: Socket | undefined
  let networks: readonly string[] = []
  let isTroubled = false
  let isClosed = false
  let saying: Promise<unknown> = Promise.resolve()
  let lastToAll = -Infinity
  const timers = new Set<NodeJS.Timeout>()

  function later (ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      work()
    }, ms).unref()
    timers.add(timer)
  }

  function trouble (error: Error): void {
    if (isTroubled || isClosed) return
    isTroubled = true
    options.onTrouble(error)
  }

  const toAll = (messageFor: (addresses: AnswerOptions) => DnsMessage): Promise<unknown> => {
    lastToAll = performance.now()
    saying = saying.then(async () => {
      if (!socket) return
      const error = await sendToAll(socket, place, networks, network => encodeMessage(messageFor({ addresses: [network] })))
      if (error) trouble(error)
    })
    return saying
  }

  function answerEverybody (query: DnsMessage): void {
    if (performance.now() - lastToAll < betweenAnswersMs || !answerTo(query, service, { addresses: networks })) return
    void toAll(about => announcement(service, about))
  }

  function answer (bytes: Buffer, from: RemoteInfo): void {
    const query = mayRead() ? decodeMessage(bytes) : undefined
    // Nobody can be answered at port 0, and trying to throws.
    if (!query || query.isResponse || query.questions.length === 0 || from.port === 0) return
    const legacy = from.port !== place.port
    if (!legacy && !query.questions.every(({ unicast }) => unicast)) return answerEverybody(query)
    const addresses = nearest(from.address, networks)
    const reply = addresses.length > 0 ? answerTo(query, service, { addresses, legacy }) : undefined
    if (!reply || !mayAnswerAlone()) return
    socket?.send(encodeMessage(reply), from.port, from.address, () => {})
  }

  function drop (): void {
    socket?.removeAllListeners('message').close()
    socket = undefined
  }

  async function open (): Promise<void> {
    const opened = await openSocket(options, networks)
    if (isClosed) {
      opened.close()
      return
    }
    socket = opened
    isTroubled = false
    opened.on('message', answer)
    opened.on('error', error => {
      trouble(error)
      if (socket === opened) drop()
    })
    void toAll(about => announcement(service, about))
    later(repeatedAnnouncementMs, () => { void toAll(about => announcement(service, about)) })
  }

  /** Opens what is not open, and anew where the networks are others than before. */
  async function look (): Promise<void> {
    const found = options.networks()
    if (found.join() !== networks.join()) {
      drop()
      networks = found
    }
    if (!socket && networks.length > 0) await open().catch(trouble)
    if (!isClosed) later(lookAgainMs, () => { void look() })
  }
  const looking = look()

  async function end (): Promise<void> {
    isClosed = true
    timers.forEach(clearTimeout)
    timers.clear()
    await looking
    const said = toAll(about => announcement(service, { ...about, goodbye: true }))
    let patience: NodeJS.Timeout | undefined
    await Promise.race([said, new Promise(resolve => { patience = setTimeout(resolve, goodbyeMs) })])
    clearTimeout(patience)
    drop()
  }
  let ended: Promise<void> | undefined
  return {
    close () {
      ended ??= end()
      return ended
    }
  }
}
