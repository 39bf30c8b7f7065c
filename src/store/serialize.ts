/** JSON has no word for `undefined`; storing it is a mistake of the caller. */
export function serialize (value: unknown): string {
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError('only JSON values can be stored')
  return text
}
