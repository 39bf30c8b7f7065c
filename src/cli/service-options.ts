/** What the commands about an installed service share. */
import { flag } from './define-command.ts'
import { jsonOption } from './rpc-options.ts'
import type { SetupOptions } from './service-setup.ts'

export const serviceOptions = { system: flag('The service of the machine, where this user has one as well'), ...jsonOption }

export const scopeOf = ({ system }: { readonly system: boolean }): SetupOptions => system ? { scope: 'system' } : {}
