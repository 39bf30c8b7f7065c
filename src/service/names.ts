/** What the service of a profile is called with each supervisor, so that two profiles never get hold of each other's. */
export interface ServiceNames {
  /** With `.service`. */
  readonly unit: string
  readonly label: string
  readonly task: string
  readonly description: string
}

export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  /** What to do about it, one sentence each. */
  readonly hints: readonly string[]

  constructor (message: string, hints: readonly string[] = []) {
    super(message)
    this.hints = hints
  }
}

const overrides = { unit: 'OPENCLAW_SYSTEMD_UNIT', label: 'OPENCLAW_LAUNCHD_LABEL', task: 'OPENCLAW_WINDOWS_TASK_NAME' } as const
const harmless = { unit: /^[A-Za-z0-9][\w.@-]{0,127}$/, label: /^[A-Za-z0-9][\w.-]{0,127}$/, task: /^[A-Za-z0-9][\w. ()-]{0,127}$/ } as const

/** On a Mac these would be labels of others: the default gateway and the node host. */
const reservedProfiles = ['gateway', 'node']

function derived (profile: string | undefined): ServiceNames {
  if (profile === undefined) {
    return { unit: 'openclaw-gateway.service', label: 'ai.openclaw.gateway', task: 'OpenClaw Gateway', description: 'OpenClaw Gateway' }
  }
  return {
    unit: `openclaw-gateway-${profile}.service`,
    label: `ai.openclaw.${profile}`,
    task: `OpenClaw Gateway (${profile})`,
    description: `OpenClaw Gateway (profile: ${profile})`
  }
}

/** A variable may rename the service of the default profile; with a profile it can only agree. */
export function serviceNames (profile: string | undefined, env: NodeJS.ProcessEnv, platform: NodeJS.Platform): ServiceNames {
  if (platform === 'darwin' && profile !== undefined && reservedProfiles.includes(profile)) {
    throw new ServiceError(`the profile name "${profile}" is taken by another service on macOS`, ['Choose another name for the profile.'])
  }
  const names = { ...derived(profile) }
  for (const kind of ['unit', 'label', 'task'] as const) {
    const given = env[overrides[kind]]?.trim()
    if (!given) continue
    const wanted = kind === 'unit' && !given.endsWith('.service') ? `${given}.service` : given
    if (!harmless[kind].test(wanted)) throw new ServiceError(`${overrides[kind]} is no name for a service: ${JSON.stringify(given)}`)
    if (profile !== undefined && wanted !== names[kind]) {
      throw new ServiceError(`${overrides[kind]}=${given} does not fit the profile ${profile}, whose service is ${names[kind]}`, [`Unset ${overrides[kind]}.`])
    }
    names[kind] = wanted
  }
  return names
}
