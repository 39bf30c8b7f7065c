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
