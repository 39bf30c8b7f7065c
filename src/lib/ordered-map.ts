/**
 * A map in order of last setting whose oldest entry is found at once. The built-in one keeps that order too, but looking for its
 * first entry walks over everything deleted before it, which is slow exactly where old entries give way to new ones all the time.
 */
export interface OrderedMap<K, V> {
  get: (key: K) => V | undefined
  has: (key: K) => boolean
  /** Puts the entry last, also when it was there before. */
  set: (key: K, value: V) => void
  delete: (key: K) => boolean
  oldest: () => { readonly key: K, readonly value: V } | undefined
  /** Oldest first. */
  values: () => V[]
  size: () => number
}

interface Link<K, V> {
  readonly key: K
  value: V
  older: Link<K, V> | undefined
  newer: Link<K, V> | undefined
}

export function createOrderedMap<K, V> (): OrderedMap<K, V> {
  const links = new Map<K, Link<K, V>>()
  let oldest: Link<K, V> | undefined
  let newest: Link<K, V> | undefined

  const unlink = (link: Link<K, V>): void => {
    if (link.older) link.older.newer = link.newer
    else oldest = link.newer
    if (link.newer) link.newer.older = link.older
    else newest = link.older
  }

  const append = (link: Link<K, V>): void => {
    link.older = newest
    link.newer = undefined
    if (newest) newest.newer = link
    else oldest = link
    newest = link
  }

  return {
    get: key => links.get(key)?.value,
    has: key => links.has(key),
    set (key, value) {
      const known = links.get(key)
      if (known) unlink(known)
      const link = known ?? { key, value, older: undefined, newer: undefined }
      link.value = value
      append(link)
      if (!known) links.set(key, link)
    },
    delete (key) {
      const link = links.get(key)
      if (!link) return false
      unlink(link)
      return links.delete(key)
    },
    oldest: () => oldest,
    values () {
      const all: V[] = []
      for (let link = oldest; link; link = link.newer) all.push(link.value)
      return all
    },
    size: () => links.size
  }
}
