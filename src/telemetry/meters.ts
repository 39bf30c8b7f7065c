/**
 * Counters and histograms that are added to all the time and read now and then. Adding is one look into a map; what the numbers are
 * called and how they are written is loaded when somebody asks for them.
 */

/** So many combinations of labels at most, of all families together: whoever can choose a label cannot fill the memory with it. */
export const maxSeries = 2048

export interface Series {
  readonly labels: readonly string[]
  /** Of a counter; of a histogram how many there were. */
  count: number
  sum: number
  /** How many fell under each bound, and last those above all. */
  readonly buckets: Uint32Array | undefined
}

export interface Family {
  readonly name: string
  readonly labelNames: readonly string[]
  readonly bounds: readonly number[] | undefined
  all (): Iterable<Series>
}

export interface Counter extends Family {
  add (by: number, ...labels: string[]): void
}

export interface Histogram extends Family {
  observe (value: number, ...labels: string[]): void
}

export interface Meters {
  counter (name: string, ...labelNames: string[]): Counter
  histogram (name: string, bounds: readonly number[], ...labelNames: string[]): Histogram
  families (): Iterable<Family>
  /** Combinations that found no room. */
  dropped (): number
}

/** Seconds. */
export const durations = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const
export const longDurations = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800] as const

const maxLabelChars = 64

export function createMeters (): Meters {
  const families: Family[] = []
  let series = 0
  let dropped = 0

  function family (name: string, labelNames: readonly string[], bounds: readonly number[] | undefined) {
    const known = new Map<string, Series>()
    function find (labels: readonly string[]): Series | undefined {
      const key = labels.length === 1 ? labels[0]! : labels.join('\n')
      const found = known.get(key)
      if (found) return found
      if (series >= maxSeries) {
        dropped++
        return undefined
      }
      series++
      const made: Series = {
        labels: labels.map(label => label.slice(0, maxLabelChars)), count: 0, sum: 0, buckets: bounds && new Uint32Array(bounds.length + 1)
      }
      known.set(key, made)
      return made
    }
    const made = {
      name,
      labelNames,
      bounds,
      all: () => known.values(),
      add (by: number, ...labels: string[]) {
        const one = find(labels)
        if (one) one.count += by
      },
      observe (value: number, ...labels: string[]) {
        const one = find(labels)
        if (!one) return
        let index = 0
        while (index < bounds!.length && value > bounds![index]!) index++
        one.buckets![index]!++
        one.count++
        one.sum += value
      }
    }
    families.push(made)
    return made
  }

  return {
    counter: (name, ...labelNames) => family(name, labelNames, undefined),
    histogram: (name, bounds, ...labelNames) => family(name, labelNames, bounds),
    families: () => families,
    dropped: () => dropped
  }
}
