import type { Step } from './writer-messages.ts'

interface Commit {
  job: number
  steps: Step[]
  bytes: number
}

export const bytesOf = (steps: readonly Step[]): number =>
  steps.reduce((sum, { params }) => sum + params.reduce<number>((total, param) => total + (typeof param === 'string' ? param.length : 8), 64), 0)

/**
 * Commits that the last-good copy does not hold yet, so that a database which is taken away from a running gateway can be put
 * together again without a gap. When there are more of them than fit, the oldest go, and `complete` says so.
 */
export interface Journal {
  add (job: number, steps: Step[]): void
  forgetUpTo (job: number): void
  readonly commits: readonly Commit[]
  readonly complete: boolean
}

export function createJournal (maxBytes: number): Journal {
  const commits: Commit[] = []
  let bytes = 0
  let complete = true

  function drop (count: number): void {
    for (const dropped of commits.splice(0, count)) bytes -= dropped.bytes
  }

  return {
    add (job, steps) {
      const size = bytesOf(steps)
      commits.push({ job, steps, bytes: size })
      bytes += size
      while (bytes > maxBytes) {
        drop(1)
        complete = false
      }
    },
    forgetUpTo (job) {
      const count = commits.findIndex(commit => commit.job > job)
      drop(count === -1 ? commits.length : count)
      complete = true
    },
    commits,
    get complete () { return complete }
  }
}
