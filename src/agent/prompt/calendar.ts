/** What a prompt says about time: the day and how to write times. The minute is left out, or every turn would have another prompt. */

export interface CalendarOptions {
  readonly now: () => number
  readonly log: { warn (fields: object, message: string): void }
}

export type TimeFormat = 'auto' | '12h' | '24h' | '12' | '24'

const maxZones = 64

interface Zone { readonly name: string, readonly day: Intl.DateTimeFormat }

const zoneOf = (timeZone: string | undefined): Zone => {
  const day = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', ...(timeZone ? { timeZone } : {}) })
  return { name: day.resolvedOptions().timeZone, day }
}

const machineWritesTwelve = (): boolean => new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions().hour12 === true

/** A sentence about today, for a user in this zone. A zone that nobody knows is reported once and replaced by that of the machine. */
export function createCalendar ({ now, log }: CalendarOptions): (timeZone: string | undefined, format: TimeFormat) => string {
  const zones = new Map<string, Zone>()
  /** Asking costs more than the rest of a prompt, and the answer stays the same while the process lives. */
  let machine: boolean | undefined

  function writesTwelve (format: TimeFormat): boolean {
    if (format !== 'auto') return format.startsWith('12')
    machine ??= machineWritesTwelve()
    return machine
  }

  function find (timeZone: string | undefined): Zone {
    const known = zones.get(timeZone ?? '')
    if (known) return known
    let zone: Zone
    try {
      zone = zoneOf(timeZone)
    } catch {
      log.warn({ timeZone }, 'agents.defaults.userTimezone is no time zone; the one of this machine is used')
      zone = zoneOf(undefined)
    }
    if (zones.size >= maxZones) zones.clear()
    zones.set(timeZone ?? '', zone)
    return zone
  }

  return (timeZone, format) => {
    const { name, day } = find(timeZone?.trim() || undefined)
    return `Today is ${day.format(now())} in the time zone of the user, ${name}. Write times with a ${writesTwelve(format) ? '12' : '24'}-hour clock.`
  }
}
