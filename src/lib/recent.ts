/** The last few of something, the oldest forgotten first. */
import { createOrderedMap } from './ordered-map.ts'

export interface Recent<Value, Key = string> {
  get (key: Key): Value | undefined
  /** Makes it the newest, also when it was there before. */
  set (key: Key, value: Value): void
  delete (key: Key): void
  /** Oldest first. */
  values (): Value[]
  size (): number
}

export function createRecent<Value, Key = string> (most: number): Recent<Value, Key> {
  const values = createOrderedMap<Key, Value>()
  return {
    get: values.get,
    values: values.values,
    size: values.size,
    set (key, value) {
      values.set(key, value)
      if (values.size() > most) values.delete(values.oldest()!.key)
    },
    delete (key) { values.delete(key) }
  }
}
