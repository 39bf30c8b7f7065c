/**
 * Sessions in the orders in which they are listed, kept while they change: a page of a list costs its own length, not the number of
 * sessions. What changed last goes to the front, so finding its place takes a step or two.
 */
export interface Ranked {
  readonly value: number
  readonly pinned: boolean
  readonly archived: boolean
}

export interface Ranking<T> {
  /** Puts the item where it belongs now. */
  place (item: T): void
  remove (item: T): void
  /** Pinned ones first, then the newest. */
  list (which: 'active' | 'archived' | 'all'): Iterable<T>
  size (which: 'active' | 'archived' | 'all'): number
  /** The one that rested longest, of those that are neither pinned nor archived. */
  oldest (): Iterable<T>
}

interface Link<T> {
  readonly item: T
  rank: Ranked
  newer: Link<T> | undefined
  older: Link<T> | undefined
}

interface Shelf<T> {
  newest: Link<T> | undefined
  oldest: Link<T> | undefined
  size: number
}

const emptyShelf = <T>(): Shelf<T> => ({ newest: undefined, oldest: undefined, size: 0 })

function unlink<T> (shelf: Shelf<T>, link: Link<T>): void {
  if (link.newer) link.newer.older = link.older
  else shelf.newest = link.older
  if (link.older) link.older.newer = link.newer
  else shelf.oldest = link.newer
  shelf.size--
}

function insert<T> (shelf: Shelf<T>, link: Link<T>): void {
  let newer: Link<T> | undefined
  let older = shelf.newest
  while (older && older.rank.value > link.rank.value) {
    newer = older
    older = older.older
  }
  link.newer = newer
  link.older = older
  if (newer) newer.older = link
  else shelf.newest = link
  if (older) older.newer = link
  else shelf.oldest = link
  shelf.size++
}

function * walk<T> (shelf: Shelf<T>): Generator<T> {
  for (let link = shelf.newest; link; link = link.older) yield link.item
}

function * walkBack<T> (shelf: Shelf<T>): Generator<T> {
  for (let link = shelf.oldest; link; link = link.newer) yield link.item
}

/** Two sorted shelves as one. */
function * merged<T> (a: Shelf<T>, b: Shelf<T>): Generator<T> {
  let left = a.newest
  let right = b.newest
  while (left || right) {
    if (left && (!right || left.rank.value >= right.rank.value)) {
      yield left.item
      left = left.older
    } else if (right) {
      yield right.item
      right = right.older
    }
  }
}

export function createRanking<T> (rankOf: (item: T) => Ranked, items: Iterable<T> = []): Ranking<T> {
  const links = new Map<T, Link<T>>()
  const shelves = {
    active: { pinned: emptyShelf<T>(), plain: emptyShelf<T>() },
    archived: { pinned: emptyShelf<T>(), plain: emptyShelf<T>() }
  }
  const shelfOf = ({ archived, pinned }: Ranked): Shelf<T> => shelves[archived ? 'archived' : 'active'][pinned ? 'pinned' : 'plain']

  // Oldest first, so that every one of them goes to the front.
  const sorted = [...items].map(item => ({ item, rank: rankOf(item) })).sort((a, b) => a.rank.value - b.rank.value)
  for (const { item, rank } of sorted) {
    const link = { item, rank, newer: undefined, older: undefined }
    links.set(item, link)
    insert(shelfOf(rank), link)
  }

  const sizeOf = (name: 'active' | 'archived'): number => shelves[name].pinned.size + shelves[name].plain.size

  return {
    place (item) {
      const known = links.get(item)
      if (known) unlink(shelfOf(known.rank), known)
      const link: Link<T> = known ?? { item, rank: rankOf(item), newer: undefined, older: undefined }
      link.rank = rankOf(item)
      if (!known) links.set(item, link)
      insert(shelfOf(link.rank), link)
    },
    remove (item) {
      const link = links.get(item)
      if (!link) return
      unlink(shelfOf(link.rank), link)
      links.delete(item)
    },
    * list (which) {
      const { active, archived } = shelves
      if (which === 'all') {
        yield * merged(active.pinned, archived.pinned)
        yield * merged(active.plain, archived.plain)
      } else {
        yield * walk(shelves[which].pinned)
        yield * walk(shelves[which].plain)
      }
    },
    size: which => which === 'all' ? sizeOf('active') + sizeOf('archived') : sizeOf(which),
    oldest: () => walkBack(shelves.active.plain)
  }
}
