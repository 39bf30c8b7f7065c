/** Commands of agents, and the people who are asked about them. */
import { workspaceOf } from '../agent/roster/workspace.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import type { EventBus } from '../events/bus.ts'
import type { Logging } from '../log/logger.ts'
import type { Store } from '../store/store.ts'
import { createApprovals, type Approvals } from '../tools/approvals/approvals.ts'
import { createConsents } from '../tools/approvals/consents.ts'
import { createApprovalsDocument, type ApprovalsDocument } from '../tools/approvals/document.ts'
import type { ApprovalKind } from '../tools/approvals/record.ts'
import { createHostLauncher } from '../tools/exec/launch.ts'
import type { ExecRoom } from '../tools/exec/room.ts'
import type { ExecSources, ExitNotice } from '../tools/exec/sources.ts'

export interface CommandsOptions {
  readonly config: () => LoadedConfig
  readonly paths: Pick<Paths, 'stateDir' | 'homeDir' | 'workspaceDir'>
  readonly store: Store
  readonly events: EventBus
  readonly logging: Logging
  readonly env: { readonly [name: string]: string | undefined }
  readonly now: () => number
  readonly hasApprover: (kind: ApprovalKind) => boolean
  readonly isStopping: () => boolean
  readonly notify: (notice: ExitNotice) => void
  readonly nodes: ExecSources['nodes']
  readonly conversation: NonNullable<ExecSources['conversation']>
  /** Absent: there are no sandboxes. */
  readonly launcherFor?: ExecSources['launcherFor']
}

export interface Commands {
  readonly approvals: Approvals
  readonly document: ApprovalsDocument
  /** Loaded when the first command is to be run. */
  readonly exec: () => Promise<ExecRoom>
  close (): Promise<void>
}

export function composeCommands (options: CommandsOptions): Commands {
  const { config, paths, store, events, logging, env, now, hasApprover, isStopping, notify } = options
  const log = logging.child('exec')
  const approvals = createApprovals({
    store,
    emit: (event, payload, to) => events.emit(event, payload, to),
    now,
    hasApprover,
    onError: (err, what) => log.error({ err, what }, 'an approval could not be written')
  })
  const document = createApprovalsDocument(store, now)
  const host = createHostLauncher()
  let room: Promise<ExecRoom> | undefined
  return {
    approvals,
    document,
    exec () {
      room ??= import('../tools/exec/room.ts').then(({ createExecRoom }) => createExecRoom({
        config,
        workspaceOf: agentId => workspaceOf(config().config, agentId, paths),
        homeDir: paths.homeDir,
        environment: env,
        launcherFor: options.launcherFor ?? (async () => host),
        consents: createConsents({ approvals, document, isStopping }),
        redact: logging.redactor.redactText,
        notify,
        nodes: options.nodes,
        conversation: options.conversation,
        now
      }))
      return room
    },
    async close () {
      approvals.close()
      await (await room)?.close()
    }
  }
}
