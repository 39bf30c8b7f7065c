/** Work on one thing in the order in which it was asked for, whatever became of the work before it. */
export type OneAtATime = <Result>(work: () => Promise<Result>) => Promise<Result>

export function createOneAtATime (): OneAtATime {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const done = last.then(work)
    last = done.catch(() => undefined)
    return done
  }
}

/** The same for each key by itself. Nothing is remembered of a key for which nobody waits. */
export type InLane = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>

export function createLanes (): InLane {
  const lanes = new Map<string, { readonly take: OneAtATime, waiting: number }>()
  return async (key, work) => {
    const lane = lanes.get(key) ?? { take: createOneAtATime(), waiting: 0 }
    lanes.set(key, lane)
    lane.waiting++
    try {
      return await lane.take(work)
    } finally {
      if (--lane.waiting === 0) lanes.delete(key)
    }
  }
}
