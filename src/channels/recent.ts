/** The last few of something, the oldest forgotten first. */

export interface Recent<Value> {
  get (key: string): Value | undefined
  set (key: string, value: Value): void
  delete (key: string): void
}

export function createRecent<Value> (most: number): Recent<Value> {
  const values = new Map<string, Value>()
  return {
    get: key => values.get(key),
    set (key, value) {
      values.delete(key)
      values.set(key, value)
      const [oldest] = values.keys()
      if (values.size > most && oldest !== undefined) values.delete(oldest)
    },
    delete (key) { values.delete(key) }
  }
}
