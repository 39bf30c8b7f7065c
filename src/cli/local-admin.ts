/**
 * The administrator's way in: a credential that the gateway keeps for the user it runs as, in a file that only this user can read.
 * It works from this machine alone, and it always works, so that nobody waits for an approval that only he himself could give.
 */
import { join } from 'node:path'
import { readIfPresent } from '../lib/private-file.ts'
import type { GatewayClient } from './gateway-client.ts'
import { openGateway, type OpenOptions } from './open-gateway.ts'
import type { GatewayTarget } from './target.ts'

export const adminTokenPath = (stateDir: string): string => join(stateDir, 'admin.token')

/** Nothing when there is no such credential here, or when it may not be read. */
async function readAdminToken (stateDir: string): Promise<string | undefined> {
  try {
    return (await readIfPresent(adminTokenPath(stateDir)))?.trim() || undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}

export async function openLocalAdmin (target: GatewayTarget, options: OpenOptions): Promise<GatewayClient | undefined> {
  const token = await readAdminToken(options.stateDir)
  if (token === undefined || !target.local) return undefined
  // Without a device: this is the person at the machine, not one of the devices he decides about.
  return await openGateway({ ...target, auth: { token }, mayUseStoredToken: false }, { ...options, identity: 'never' })
}
