/** The work behind apply_patch: every file of a patch is changed, or none. */
import { randomUUID } from 'node:crypto'
import { link, rename } from 'node:fs/promises'
import type { ToolResult } from '../tool.ts'
import { FileFailure, failureOf } from './failure.ts'
import { applyHunks } from './hunks.ts'
import type { FilePatch } from './patch-text.ts'
import { openPlace, type Place } from './place.ts'
import { decodeText, encodeText } from './text-file.ts'
import { discard, maxWholeBytes, readWhole, refuseChanged, settle, stage, type Known } from './whole-file.ts'
import type { WriteScene } from './writing.ts'

interface Change {
  readonly place: Place
  readonly known: Known | undefined
  /** Undefined: it goes. */
  readonly content: Buffer | undefined
  /** Whose rights it gets. */
  readonly like: Known | undefined
}

/** What was done to one place, and how it is undone. */
interface Done { readonly change: Change, readonly kept: string | undefined }

const namesOf = (patch: FilePatch): string[] => [patch.path, ...patch.kind === 'update' && patch.movedTo !== undefined ? [patch.movedTo] : []]

async function openPlaces (scene: WriteScene, patches: readonly FilePatch[]): Promise<Map<string, Place>> {
  const places = new Map<string, Place>()
  try {
    for (const patch of patches) {
      for (const [index, name] of namesOf(patch).entries()) {
        const makes = patch.kind === 'add' || index > 0
        if (places.has(name)) continue
        const place = await openPlace(scene.view, name, { use: 'write', makes }).catch(error => { throw failureOf(error, name) })
        places.set(name, place)
      }
    }
  } catch (error) {
    await closeAll(places)
    throw error
  }
  return places
}

async function closeAll (places: ReadonlyMap<string, Place>): Promise<void> {
  await Promise.all([...places.values()].map(place => place.close()))
}

/** The patch as changes of places; later parts see what earlier ones made of a file. */
async function plan (patches: readonly FilePatch[], places: ReadonlyMap<string, Place>): Promise<Change[]> {
  const changes = new Map<string, Change>()
  const now = async (name: string): Promise<Change> => {
    const place = places.get(name)!
    const planned = changes.get(place.path)
    if (planned) return planned
    const known = await readWhole(place)
    return { place, known, content: known?.content, like: known }
  }
  for (const patch of patches) {
    const change = await now(patch.path)
    const put = (target: Change, content: Buffer | undefined): void => { changes.set(target.place.path, { ...target, content }) }
    if (patch.kind === 'add') {
      if (change.content) throw new FileFailure(`${patch.path} is there already. Use "*** Update File:" to change it.`)
      put(change, Buffer.from(patch.text, 'utf8'))
      continue
    }
    if (!change.content) throw new FileFailure(`File not found: ${patch.path}. Use "*** Add File:" to make it.`)
    const content = patch.kind === 'update' ? updated(change.content, patch) : undefined
    const target = patch.kind === 'update' && patch.movedTo !== undefined ? await now(patch.movedTo) : change
    if (target.place.path === change.place.path) put(change, content)
    else {
      if (target.content) throw new FileFailure(`${target.place.name} is there already. Delete it earlier in the patch to replace it.`)
      put(change, undefined)
      put({ ...target, like: change.like }, content)
    }
  }
  return [...changes.values()]
}

function updated (content: Buffer, { path, hunks }: FilePatch & { kind: 'update' }): Buffer {
  if (hunks.length === 0) return content
  const file = decodeText(content, path)
  const bytes = encodeText(applyHunks(file, hunks, path), file)
  if (bytes.length > maxWholeBytes) throw new FileFailure(`${path} would have more than ${maxWholeBytes} bytes; nothing was written.`)
  return bytes
}

/** Keeps the file as it is under another name; it comes back by a rename, with everything that belongs to it. */
async function keep ({ place, known }: Change): Promise<string | undefined> {
  if (!known) return undefined
  await refuseChanged(place, known.stat)
  const kept = place.beside(`.${randomUUID()}.tmp`)
  await link(place.at, kept)
  return kept
}

async function undo (done: readonly Done[]): Promise<void> {
  for (const { change: { place }, kept } of [...done].reverse()) {
    if (kept === undefined) await discard(place.at)
    else await rename(kept, place.at)
  }
}

async function carryOut (changes: readonly Change[], staged: ReadonlyMap<Change, string>): Promise<void> {
  const done: Done[] = []
  try {
    for (const change of changes) {
      const kept = await keep(change)
      const file = staged.get(change)
      try {
        if (file === undefined) await discard(change.place.at)
        // Keeping it has changed what is known of it.
        else if (kept === undefined) await settle(change.place, file, undefined)
        else await rename(file, change.place.at)
      } catch (error) {
        if (kept !== undefined) await discard(kept)
        throw error
      }
      done.push({ change, kept })
    }
  } catch (error) {
    await undo(done)
    throw error
  }
  await Promise.all(done.map(async ({ kept }) => kept === undefined ? undefined : await discard(kept)))
}

async function apply (changes: readonly Change[]): Promise<void> {
  const staged = new Map<Change, string>()
  try {
    for (const change of changes) {
      const { place, content, like } = change
      if (content) staged.set(change, await stage(place, content, like?.stat).catch(error => { throw failureOf(error, place.name) }))
    }
    await carryOut(changes, staged)
  } catch (error) {
    await Promise.all([...staged.values()].map(discard))
    throw error
  }
}

function resultOf (changes: readonly Change[]): ToolResult {
  const named = (wanted: (change: Change) => boolean): string[] => changes.filter(wanted).map(({ place }) => place.name)
  const summary = {
    added: named(({ known, content }) => !known && content !== undefined),
    modified: named(({ known, content }) => known !== undefined && content !== undefined),
    deleted: named(({ known, content }) => known !== undefined && content === undefined)
  }
  const lines = [...summary.added.map(name => `A ${name}`), ...summary.modified.map(name => `M ${name}`), ...summary.deleted.map(name => `D ${name}`)]
  return { content: [{ type: 'text', text: ['Success. Updated the following files:', ...lines].join('\n') }], details: { summary } }
}

export async function applyPatch (scene: WriteScene, patches: readonly FilePatch[]): Promise<ToolResult> {
  const places = await openPlaces(scene, patches)
  try {
    return await scene.files.inTurn([...places.values()].map(({ path }) => path), async () => {
      scene.signal.throwIfAborted()
      const changes = await plan(patches, places)
      const real = changes.filter(({ known, content }) => known !== undefined || content !== undefined)
      await apply(real)
      return resultOf(real)
    })
  } finally {
    await closeAll(places)
  }
}
