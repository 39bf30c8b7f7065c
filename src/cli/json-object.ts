import { objectIn, type JsonObject } from '../lib/json-object.ts'
import { CommandFailure } from './failure.ts'

/** An option that must be a JSON object. */
export function jsonObject (given: string, said: string): JsonObject {
  const value = objectIn(given)
  if (!value) throw new CommandFailure(`${said} must be valid JSON (an object, e.g. '{"limit":5}').`)
  return value
}
