import { hash } from 'node:crypto'

/** Eight hex digits by which two people see that they mean the same token. Not for passwords: a weak one can be guessed from it. */
export const fingerprint = (secret: string): string => hash('sha256', `fingerprint\0${secret}`, 'hex').slice(0, 8)
