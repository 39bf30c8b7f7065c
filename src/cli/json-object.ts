import { CommandFailure } from './failure.ts'

/** An option that must be a JSON object. */
export function jsonObject (given: string, said: string): { [key: string]: unknown } {
  try {
    const value: unknown = JSON.parse(given)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as { [key: string]: unknown }
  } catch {
    // Said below, together with what is valid JSON but no object.
  }
  throw new CommandFailure(`${said} must be valid JSON (an object, e.g. '{"limit":5}').`)
}
