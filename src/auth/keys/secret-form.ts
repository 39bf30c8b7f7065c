/** What an API key looks like: by its beginning scanners of secrets, the redactor of the log and the door tell it from any other. */
import { newToken } from '../secret.ts'

export const keyPrefix = 'ocgw_'
/** 32 random bytes, so nobody guesses one and a plain hash of it says nothing. */
const form = /^ocgw_[A-Za-z0-9_-]{43}$/

export const isApiKey = (secret: string): boolean => secret.length === keyPrefix.length + 43 && form.test(secret)

export const newApiKey = (): string => `${keyPrefix}${newToken()}`

/** Enough of it to know it again in a list, and nothing that helps to guess the rest. */
export const hintOf = (secret: string): string => `${keyPrefix}…${secret.slice(-4)}`
