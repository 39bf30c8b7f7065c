/** What a sandbox consists of, whoever builds it. */

export interface Mount {
  /** Its name inside. */
  readonly target: string
  /** Its place on this machine, without links. */
  readonly source: string
  readonly access: 'ro' | 'rw'
}

export interface ContainerSettings {
  readonly image: string
  /** `unix:///…`, or `tcp://…` of the engine. */
  readonly host: string
  readonly network: string
  readonly user?: string
  readonly memoryBytes?: number
  readonly cpus?: number
  readonly maxProcesses: number
  readonly env: { readonly [name: string]: string }
}

export interface SandboxPlan {
  /** The same for everybody who shares it. */
  readonly id: string
  readonly backend: 'bubblewrap' | 'docker'
  /** Every file of this machine that is seen inside, apart from the programs of the system. */
  readonly mounts: readonly Mount[]
  /** Where commands start and relative names begin, inside. */
  readonly cwd: string
  /** Off unless somebody said otherwise. */
  readonly hasNetwork: boolean
  readonly container?: ContainerSettings
}
