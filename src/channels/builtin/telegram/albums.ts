/**
 * Telegram sends every picture of an album as a message of its own and says nothing of how many there are. They are kept until no more
 * come, durably from the first on: the service is told at once that we have each.
 */
import type { Logger } from '../../../log/logger.ts'
import type { Memory } from './memory.ts'
import type { Message } from './wire.ts'

export interface Albums {
  /** Resolves when the piece is durable. */
  add (message: Message): Promise<void>
  /** What is kept of this chat goes first. Rejects when it cannot. */
  settle (chatId: number): Promise<void>
  /** What an earlier gateway left. */
  resume (): void
  stop (): void
}

export interface AlbumsOptions {
  readonly memory: Memory
  readonly log: Logger
  readonly deliver: (pieces: readonly Message[]) => Promise<void>
}

/** Pieces of one album come within a fraction of this. */
const quietMs = 700
const mostPieces = 10
const mostAlbums = 32
const rememberedAlbums = 32
const longestRetryMs = 30_000

interface Album {
  readonly chatId: number
  pieces: readonly Message[]
  timer?: NodeJS.Timeout
  tries: number
  delivery?: Promise<void>
}

const without = <Value>(record: { readonly [key: string]: Value } | undefined, key: string): { [key: string]: Value } =>
  Object.fromEntries(Object.entries(record ?? {}).filter(([name]) => name !== key))

class AlbumRoom implements Albums {
  readonly #options: AlbumsOptions
  readonly #albums = new Map<string, Album>()
  #isStopped = false

  constructor (options: AlbumsOptions) {
    this.#options = options
  }

  async add (message: Message): Promise<void> {
    const { memory } = this.#options
    const key = `${message.chat.id}:${message.media_group_id}`
    if (memory.saved.takenAlbums?.[key]?.includes(message.message_id)) return
    // What is being handed over is complete; this one is late and becomes an album of its own.
    await this.#albums.get(key)?.delivery
    const album = this.#albums.get(key) ?? { chatId: message.chat.id, pieces: [], tries: 0 }
    if (album.pieces.some(piece => piece.message_id === message.message_id)) return
    const pieces = [...album.pieces, message]
    // It must not be handed over without the piece that is just being kept.
    clearTimeout(album.timer)
    try {
      await memory.change(saved => ({ ...saved, albums: { ...saved.albums, [key]: pieces } }))
      album.pieces = pieces
      this.#albums.set(key, album)
    } finally {
      if (album.pieces.length > 0) this.#wait(key, album, quietMs)
    }
    if (pieces.length >= mostPieces) await this.#deliver(key, album)
    const [oldest] = this.#albums
    if (this.#albums.size > mostAlbums && oldest) await this.#deliver(...oldest)
  }

  async settle (chatId: number): Promise<void> {
    for (const [key, album] of [...this.#albums]) if (album.chatId === chatId) await this.#deliver(key, album)
  }

  resume (): void {
    for (const [key, pieces] of Object.entries(this.#options.memory.saved.albums ?? {})) {
      const [first] = pieces
      if (!first) continue
      const album: Album = { chatId: first.chat.id, pieces, tries: 0 }
      this.#albums.set(key, album)
      this.#wait(key, album, quietMs)
    }
  }

  stop (): void {
    this.#isStopped = true
    for (const { timer } of this.#albums.values()) clearTimeout(timer)
  }

  #wait (key: string, album: Album, ms: number): void {
    clearTimeout(album.timer)
    if (this.#isStopped) return
    album.timer = setTimeout(() => { this.#deliver(key, album).catch(() => {}) }, ms).unref()
  }

  async #deliver (key: string, album: Album): Promise<void> {
    album.delivery ??= this.#handOver(key, album).finally(() => { delete album.delivery })
    try {
      await album.delivery
    } catch (err) {
      if (album.tries++ === 0 && !this.#isStopped) this.#options.log.warn({ err }, 'an album could not be taken in; it is tried again')
      this.#wait(key, album, Math.min(longestRetryMs, 1000 * 2 ** album.tries))
      throw err
    }
  }

  async #handOver (key: string, album: Album): Promise<void> {
    const { memory, deliver } = this.#options
    clearTimeout(album.timer)
    const pieces = album.pieces.toSorted((a, b) => a.message_id - b.message_id)
    await deliver(pieces)
    this.#albums.delete(key)
    const ids = pieces.map(piece => piece.message_id)
    await memory.change(({ albums, takenAlbums, ...saved }) => {
      const taken = [...takenAlbums?.[key] ?? [], ...ids].slice(-2 * mostPieces)
      const others = Object.entries(without(takenAlbums, key)).slice(1 - rememberedAlbums)
      return { ...saved, albums: without(albums, key), takenAlbums: Object.fromEntries([...others, [key, taken]]) }
    })
  }
}

export const createAlbums = (options: AlbumsOptions): Albums => new AlbumRoom(options)
