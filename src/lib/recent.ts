/** The last few of something, the oldest forgotten first. */
import { createOrderedMap } from './ordered-map.ts'

export interface Recent<Value> {
  get (key: string): Value | undefined
  /** Makes it the newest, also when it was there before. */
  set (key: string, value: Value): void
  delete (key: string): void
}

export function createRecent<Value> (most: number): Recent<Value> {
  const values = createOrderedMap<string, Value>()
  return {
    get: values.get,
    set (key, value) {
      values.set(key, value)
      if (values.size() > most) values.delete(values.oldest()!.key)
    },
    delete (key) { values.delete(key) }
  }
}
