/** JSON that somebody else wrote, where nothing but an object makes sense. */
export type JsonObject = { [name: string]: unknown }

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Nothing where the text is not JSON, and where it is JSON of another kind. */
export function objectIn (text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
