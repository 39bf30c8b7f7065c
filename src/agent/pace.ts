/** Lets something be told at once when it begins and then no more often than every so often. */
export interface Pace {
  /** There is more to tell. */
  more (isFirst: boolean): void
  /** Tells what is held back. */
  flush (): void
  cancel (): void
}

export function createPace (everyMs: number, tell: () => void): Pace {
  let timer: NodeJS.Timeout | undefined
  const cancel = (): void => {
    clearTimeout(timer)
    timer = undefined
  }
  const now = (): void => {
    cancel()
    tell()
  }
  return {
    more (isFirst) {
      if (isFirst) now()
      else timer ??= setTimeout(now, everyMs)
    },
    flush () {
      if (timer) now()
    },
    cancel
  }
}
