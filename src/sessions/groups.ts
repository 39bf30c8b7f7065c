/** Groups that people sort sessions into; a session names its group in `category`. */
import { GatewayError } from '../protocol/errors.ts'
import type { SessionParts } from './sessions.ts'

export interface Group { readonly name: string, readonly position: number }
export interface GroupDefaults { readonly name: string, readonly cwd?: string, readonly worktree?: boolean }

interface StoredGroups {
  readonly names: readonly string[]
  readonly sectionOrder?: readonly string[]
  readonly defaults: readonly GroupDefaults[]
}

export interface GroupsView { readonly groups: Group[], readonly sectionOrder?: string[] }

export interface Groups {
  list (): Promise<GroupsView>
  defaults (): Promise<GroupDefaults[]>
  put (names: readonly string[], sectionOrder?: readonly string[]): Promise<GroupsView>
  rename (name: string, to: string): Promise<GroupsView & { updatedSessions: number }>
  update (name: string, defaults: { cwd: string | null, worktree: boolean }): Promise<GroupDefaults[]>
  remove (name: string): Promise<GroupsView & { updatedSessions: number }>
}

const maxGroups = 500
const recordKey = 'all'
const empty: StoredGroups = { names: [], defaults: [] }

const view = ({ names, sectionOrder }: StoredGroups): GroupsView =>
  ({ groups: names.map((name, position) => ({ name, position })), ...(sectionOrder ? { sectionOrder: [...sectionOrder] } : {}) })

const unknownGroup = (name: string): GatewayError =>
  new GatewayError('NOT_FOUND', { message: `unknown group "${name}"; sessions.groups.list shows what there is` })

export function createGroups ({ options, rows, writer, announcements, ready }: SessionParts): Groups {
  const collection = () => options.store.collection<StoredGroups>('session-groups')
  /** One change after the other, each on what the last one wrote. */
  let lane: Promise<unknown> = Promise.resolve()

  const read = async (): Promise<StoredGroups> => await collection().get(recordKey) ?? empty

  function change (apply: (stored: StoredGroups) => StoredGroups): Promise<StoredGroups> {
    const work = lane.then(async () => {
      const next = apply(await read())
      await collection().put(recordKey, next)
      announcements.changed('groups')
      return next
    })
    lane = work.catch(() => {})
    return work
  }

  /** Moves the sessions of a group to another one, or out of it. */
  async function recategorize (from: string, to: string | undefined): Promise<number> {
    await ready()
    const keys = [...rows.all()].filter(({ record }) => record.category === from).map(({ record }) => record.key)
    for (const key of keys) {
      await writer.change(key, record =>
        record?.category === from ? { patch: { category: to, updatedAt: record.updatedAt }, reason: 'groups' } : undefined)
    }
    return keys.length
  }

  const renamed = (list: readonly string[], name: string, to: string): string[] => [...new Set(list.map(item => item === name ? to : item))]
  const without = (list: readonly string[], name: string): string[] => list.filter(item => item !== name)

  return {
    list: async () => view(await read()),
    defaults: async () => [...(await read()).defaults],
    async put (names, sectionOrder) {
      const unique = [...new Set(names)]
      if (unique.length > maxGroups) throw new GatewayError('INVALID_PARAMS', { message: `at most ${maxGroups} groups` })
      return view(await change(stored => ({
        names: unique,
        defaults: stored.defaults.filter(({ name }) => unique.includes(name)),
        ...(sectionOrder ?? stored.sectionOrder ? { sectionOrder: [...sectionOrder ?? stored.sectionOrder!].slice(0, maxGroups * 2) } : {})
      })))
    },
    async rename (name, to) {
      const stored = await change(before => {
        if (!before.names.includes(name)) throw unknownGroup(name)
        return {
          names: renamed(before.names, name, to),
          defaults: before.defaults.filter(entry => entry.name !== to).map(entry => entry.name === name ? { ...entry, name: to } : entry),
          ...(before.sectionOrder ? { sectionOrder: renamed(before.sectionOrder, name, to) } : {})
        }
      })
      return { ...view(stored), updatedSessions: await recategorize(name, to) }
    },
    async update (name, { cwd, worktree }) {
      const stored = await change(before => {
        if (!before.names.includes(name)) throw unknownGroup(name)
        const entry: GroupDefaults = { name, ...(cwd === null ? {} : { cwd }), worktree }
        return { ...before, defaults: [...before.defaults.filter(known => known.name !== name), entry] }
      })
      return [...stored.defaults]
    },
    async remove (name) {
      const stored = await change(before => {
        if (!before.names.includes(name)) throw unknownGroup(name)
        return {
          names: without(before.names, name),
          defaults: before.defaults.filter(entry => entry.name !== name),
          ...(before.sectionOrder ? { sectionOrder: without(before.sectionOrder, name) } : {})
        }
      })
      return { ...view(stored), updatedSessions: await recategorize(name, undefined) }
    }
  }
}
