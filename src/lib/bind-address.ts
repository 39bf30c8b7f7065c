import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { isLoopbackAddress } from './net-address.ts'

export interface BindTargets {
  /** The word or address this came from. */
  readonly bind: string
  /** Each must be listened on. */
  readonly hosts: readonly string[]
  /** Listened on as well where the machine has it. */
  readonly optionalHosts: readonly string[]
  readonly beyondLoopback: boolean
  /** Where it is not what one would expect of the word. */
  readonly remark?: string
}

export interface BindInput {
  readonly bind: string
  readonly customBindHost?: string
  readonly env: { readonly [name: string]: string | undefined }
}

export const isContainer = (env: { readonly [name: string]: string | undefined }): boolean =>
  env.KUBERNETES_SERVICE_HOST !== undefined || existsSync('/.dockerenv') || existsSync('/run/.containerenv')

/** Tailscale hands out addresses of 100.64.0.0/10. */
function tailnetAddress (): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, address } of addresses ?? []) {
      const [first, second] = address.split('.').map(Number)
      if (family === 'IPv4' && first === 100 && second !== undefined && second >= 64 && second < 128) return address
    }
  }
  return undefined
}

const loopback = (bind: string): BindTargets => ({ bind, hosts: ['127.0.0.1'], optionalHosts: ['::1'], beyondLoopback: false })
const everywhere = (bind: string): BindTargets => ({ bind, hosts: ['0.0.0.0'], optionalHosts: [], beyondLoopback: true })

/** A specific address always comes with loopback, so that the tools of this machine keep reaching the gateway. */
function specific (bind: string, host: string): BindTargets {
  if (isLoopbackAddress(host)) return { bind, hosts: [host], optionalHosts: [], beyondLoopback: false }
  if (host === '0.0.0.0' || host === '::') return { bind, hosts: [host], optionalHosts: [], beyondLoopback: true }
  return { bind, hosts: [host, '127.0.0.1'], optionalHosts: [], beyondLoopback: true }
}

/** Turns gateway.bind into addresses to listen on; a string says why that cannot be done. */
export function resolveBind ({ bind, customBindHost, env }: BindInput): BindTargets | string {
  switch (bind) {
    case 'loopback': return loopback(bind)
    case 'lan': return everywhere(bind)
    case 'auto': return isContainer(env) ? everywhere(bind) : loopback(bind)
    case 'tailnet': {
      const address = tailnetAddress()
      return address ? specific(bind, address) : { ...loopback(bind), remark: 'gateway.bind is "tailnet" and this machine has no tailnet address: listening on loopback only' }
    }
    case 'custom': return customBindHost ? specific(bind, customBindHost) : 'gateway.bind=custom requires gateway.customBindHost'
    default: return specific(bind, bind)
  }
}
