import { networkInterfaces } from 'node:os'

/** Every address of this machine's interfaces. Asked anew each time: they come and go. */
export const ownAddresses = (): string[] => Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))

/** Those under which other machines reach us over IPv4. */
export const lanAddresses = (): string[] => Object.values(networkInterfaces()).flatMap(list =>
  (list ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address))
