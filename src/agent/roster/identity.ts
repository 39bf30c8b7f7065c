/** Who an agent is for people: what the configuration says, else its IDENTITY.md, else a plain name. */
import { extname } from 'node:path'
import { readWithin } from './confined-file.ts'

export interface ConfiguredIdentity {
  readonly name?: string
  readonly theme?: string
  readonly emoji?: string
  readonly avatar?: string
}

export interface EffectiveIdentity {
  readonly name: string
  readonly nameSource: 'agent' | 'workspace' | 'default'
  readonly avatar: string
  readonly avatarSource?: string
  readonly avatarStatus: 'none' | 'local' | 'remote' | 'data'
  readonly avatarReason?: string
  readonly emoji?: string
}

const maxIdentityBytes = 64 * 1024
const maxAvatarBytes = 512 * 1024
const maxFieldChars = 200
const fields = ['name', 'theme', 'emoji', 'avatar'] as const
const imageTypes: { readonly [extension: string]: string } = {
  '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.gif': 'image/gif', '.webp': 'image/webp', '.svg': 'image/svg+xml'
}

/** The texts among the fields of an identity, whatever else a user put there. */
export function configuredIdentity (value: unknown): ConfiguredIdentity {
  const given = (typeof value === 'object' && value !== null ? value : {}) as { [field: string]: unknown }
  return Object.fromEntries(fields.flatMap(field => {
    const text = given[field]
    return typeof text === 'string' && text.trim() !== '' ? [[field, text.trim()]] : []
  }))
}

/** Lines such as `- **Name:** Iris`; a template's blank or bracketed value is none. */
export function readIdentity (markdown: string): ConfiguredIdentity {
  const found: { [field: string]: string } = {}
  for (const line of markdown.split('\n')) {
    const [, label = '', value = ''] = /^\s*(?:[-*]\s+)?[*_]*([A-Za-z]+)[*_]*\s*:\s*[*_]*\s*(.*)$/.exec(line) ?? []
    const field = label.toLowerCase() === 'vibe' ? 'theme' : label.toLowerCase()
    const text = value.replace(/[*_`\s]+$/, '').replace(/^[`\s]+/, '')
    if ((fields as readonly string[]).includes(field) && text !== '' && !/^[[(<_]/.test(text)) found[field] ??= text.slice(0, maxFieldChars)
  }
  return found
}

export async function workspaceIdentity (workspace: string): Promise<ConfiguredIdentity> {
  const file = await readWithin(workspace, 'IDENTITY.md', maxIdentityBytes).catch(() => undefined)
  return file ? readIdentity(file.content.toString('utf8')) : {}
}

type Avatar = Pick<EffectiveIdentity, 'avatar' | 'avatarSource' | 'avatarStatus' | 'avatarReason'>

/** A picture in the workspace goes along as data: there is no address that every client could fetch it from. */
async function avatarOf (given: string | undefined, name: string, workspace: string): Promise<Avatar> {
  const initial = { avatar: [...name][0]!.toUpperCase(), avatarStatus: 'none' } as const
  if (given === undefined) return initial
  if (/^https?:\/\//i.test(given)) return { avatar: given, avatarSource: given, avatarStatus: 'remote' }
  if (/^data:image\//i.test(given)) return { avatar: given, avatarStatus: 'data' }
  if ([...given].length <= 2) return { avatar: given, avatarStatus: 'none' }
  const type = imageTypes[extname(given).toLowerCase()]
  if (!type) return { ...initial, avatarSource: given, avatarReason: 'no image file' }
  const file = await readWithin(workspace, given, maxAvatarBytes).catch((error: Error) => error)
  if (!file || file instanceof Error) return { ...initial, avatarSource: given, avatarReason: file?.message ?? 'missing' }
  return { avatar: `data:${type};base64,${file.content.toString('base64')}`, avatarSource: given, avatarStatus: 'local' }
}

export interface IdentitySources {
  readonly id: string
  readonly name?: string
  readonly identity: ConfiguredIdentity
  readonly workspace: string
}

export async function effectiveIdentity ({ id, name, identity, workspace }: IdentitySources): Promise<EffectiveIdentity> {
  const own = await workspaceIdentity(workspace)
  const configured = identity.name ?? name
  const shown = configured ?? own.name ?? (id === 'main' ? 'Assistant' : id)
  const emoji = identity.emoji ?? own.emoji
  return {
    name: shown,
    nameSource: configured ? 'agent' : own.name ? 'workspace' : 'default',
    ...await avatarOf(identity.avatar ?? own.avatar, shown, workspace),
    ...(emoji ? { emoji } : {})
  }
}
