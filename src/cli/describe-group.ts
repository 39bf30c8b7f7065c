import { commandIndex, loadCommand } from './commands/index.ts'
import { groupHelp, type GroupHelp } from './program.ts'
import type { GroupDeclaration } from './select-command.ts'

const rootExamples: GroupHelp['examples'] = [
  ['openclaw gateway run', 'Start the gateway in the foreground.'],
  ['openclaw status', 'See whether it runs, and what it does.'],
  ['openclaw devices list', 'See which devices are paired and which ones wait.']
]

const rootSummary = 'The OpenClaw-compatible gateway: one daemon on one port for agents, channels, devices, tools and programs.'

/** What belongs together on the first page. A test sees to it that nothing is left out. */
export const sections: { readonly [heading: string]: readonly string[] } = {
  'Begin:': ['setup', 'gateway', 'dashboard', 'qr', 'completion'],
  'Look:': ['status', 'health', 'logs', 'doctor', 'audit', 'security'],
  'Talk:': ['agent', 'agents', 'sessions', 'message', 'send', 'memory', 'models'],
  'Let in:': ['devices', 'keys', 'channels', 'pairing', 'node', 'nodes', 'approvals'],
  'Extend and automate:': ['tools', 'mcp', 'plugins', 'cron', 'system', 'hooks'],
  'Keep:': ['config', 'reload', 'secrets', 'backup', 'restore', 'import']
}

/** The text of `openclaw --help` or `openclaw <group> --help`: every summary comes from the declaration of its command. */
export async function describeGroup (
  group: string | undefined, groups: { readonly [name: string]: GroupDeclaration }, width: number | undefined
): Promise<string> {
  const names = Object.keys(commandIndex.commands)
  const inGroup = names.filter(name => group === undefined ? !name.includes(' ') : name.startsWith(`${group} `))
  const members = await Promise.all(inGroup.map(async name => ({
    name: name.split(' ').at(-1)!,
    summary: (await loadCommand(name)).summary
  })))
  if (group !== undefined) {
    const { summary, fallback } = groups[group]!
    const hint = fallback ? `\n\nWithout a command: ${fallback.slice(group.length + 1)} (see openclaw ${fallback} --help).` : ''
    return groupHelp({ name: group, summary: `${summary}${hint}`, members, examples: [] }, width).trimEnd()
  }
  const { aliases } = commandIndex
  const others = await Promise.all(['send', 'reload'].map(async name => {
    const meant = aliases[name]!
    return { name, summary: `${(await loadCommand(meant)).summary} (${meant})` }
  }))
  const named = Object.entries(groups).map(([name, { summary }]) => ({ name, summary }))
  const known = new Map([...named, ...members, ...others].map(member => [member.name, member]))
  const all = Object.entries(sections).flatMap(([heading, names]) =>
    names.flatMap(name => known.has(name) ? [{ ...known.get(name)!, heading }] : []))
  return groupHelp({ name: undefined, summary: rootSummary, members: all, examples: rootExamples }, width).trimEnd()
}
