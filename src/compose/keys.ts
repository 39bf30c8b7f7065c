import type { Keys, KeysOptions } from '../auth/keys/room.ts'

/** The room of API keys, loaded when somebody first comes with one or asks for them. */
export interface LateKeys {
  (): Promise<Keys>
  close (): Promise<void>
}

export function composeKeys (options: KeysOptions): LateKeys {
  let loading: Promise<Keys> | undefined
  async function load (): Promise<Keys> {
    try {
      const { createKeys } = await import('../auth/keys/keys.ts')
      return await createKeys(options)
    } catch (error) {
      // What could not be read now may be readable with the next request.
      loading = undefined
      throw error
    }
  }
  const keys = (): Promise<Keys> => {
    loading ??= load()
    return loading
  }
  return Object.assign(keys, {
    async close () {
      const room = await loading?.catch(() => undefined)
      await room?.close()
    }
  })
}
