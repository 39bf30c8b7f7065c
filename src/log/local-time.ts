/** Times as the people before the gateway's screen read them: local, with the offset where the line leaves the machine. */

const two = (value: number): string => value < 10 ? `0${value}` : `${value}`
const three = (value: number): string => value < 10 ? `00${value}` : value < 100 ? `0${value}` : `${value}`

/** 2026-11-20 */
export const localDate = (ms: number): string => {
  const date = new Date(ms)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

const clock = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`

/** 10:29:58 */
export const localClock = (ms: number): string => clock(new Date(ms))

/** 2026-11-20T10:29:58.250+01:00 */
export const localIso = (ms: number): string => {
  const date = new Date(ms)
  const offset = -date.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`
  return `${localDate(ms)}T${clock(date)}.${three(date.getMilliseconds())}${zone}`
}
