/** Plugins as people see them, and what the commands about them have in common. */
import { escapeControl } from '../lib/text.ts'
import { facts, table } from './table.ts'

interface PluginRow {
  readonly id: string
  readonly name: string
  readonly version?: string
  readonly description?: string
  readonly state: string
  readonly error?: string
}

interface Diagnostic {
  readonly level: string
  readonly pluginId?: string
  readonly source?: string
  readonly message: string
}

export interface PluginList {
  readonly plugins: readonly PluginRow[]
  readonly diagnostics: readonly Diagnostic[]
}

export interface Inspection {
  readonly plugin: Omit<PluginRow, 'state' | 'error'> & { readonly enabled: boolean }
  readonly source?: { readonly spec?: string }
  readonly declared: { readonly [kind: string]: readonly string[] }
}

export interface Switched {
  readonly plugin: PluginRow
  readonly warnings?: readonly string[]
}

export const pluginCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Plugins live in the running gateway: start it (openclaw gateway run), then repeat this command.'
})

const none = 'No plugins. Name the directory of one: openclaw config set plugins.load.paths \'["./my-plugin"]\', then restart the gateway.'

const problemsOf = ({ diagnostics }: PluginList): Diagnostic[] => diagnostics.filter(({ level }) => level !== 'info')

export const hasErrors = ({ diagnostics }: PluginList): boolean => diagnostics.some(({ level }) => level === 'error')

export function listText (list: PluginList): string {
  const { plugins } = list
  const problems = problemsOf(list).length
  const hint = problems > 0 ? `\n\n${problems} ${problems === 1 ? 'problem' : 'problems'}: openclaw plugins doctor` : ''
  if (plugins.length === 0) return none + hint
  const rows = plugins.map(({ id, version, state, description, name }) =>
    [escapeControl(id, 64), version ? escapeControl(version, 40) : '-', state, escapeControl(description ?? name, 80)])
  return table(['Plugin', 'Version', 'State', 'What it is'], rows) + hint
}

export function doctorText (list: PluginList): string {
  const rows = list.diagnostics.map(({ level, pluginId, source, message }) =>
    [level === 'error' ? 'ERROR' : level === 'warn' ? 'warning' : 'note', escapeControl(pluginId ?? source ?? '-', 120), escapeControl(message, 600)])
  const fine = list.plugins.filter(({ state }) => state === 'enabled').length
  const all = `${list.plugins.length} configured, ${fine} loaded`
  return rows.length === 0 ? `${all}. Nothing is wrong.` : `${all}.\n\n${table(['', 'Plugin', 'What is the matter'], rows)}`
}

export function inspectText ({ plugin, source, declared }: Inspection): string {
  const brought = Object.entries(declared).filter(([, names]) => names.length > 0)
    .map(([kind, names]): readonly [string, string] => [kind === 'contracts' ? 'And' : kind[0]!.toUpperCase() + kind.slice(1), names.map(name => escapeControl(name, 200)).join('\n')])
  return facts([
    ['Plugin', escapeControl(plugin.id, 64)],
    ['Name', escapeControl(plugin.name, 200)],
    ['Version', plugin.version && escapeControl(plugin.version, 64)],
    ['About', plugin.description && escapeControl(plugin.description, 400)],
    ['Loaded', plugin.enabled ? 'yes' : 'no (openclaw plugins doctor says why)'],
    ['At', source?.spec && escapeControl(source.spec, 400)],
    ...brought
  ])
}

export function switchedText ({ plugin: { id, state }, warnings = [] }: Switched, enabled: boolean): string {
  if (!enabled) return `Disabled ${escapeControl(id, 64)}. What it brought is gone.`
  if (state === 'enabled') return `Enabled ${escapeControl(id, 64)}.`
  return `Enabled ${escapeControl(id, 64)} in the configuration, but it is not loaded: ${escapeControl(warnings.join('; '), 600)}`
}
