/** Tool calls put together from pieces, which servers number, name and cut in every way there is. */
import { randomUUID } from 'node:crypto'
import type { ToolCallPart } from '../../protocol/transcript.ts'
import { ProviderError } from '../model.ts'

export interface CallDelta {
  readonly index?: unknown
  readonly id?: unknown
  readonly function?: { readonly name?: unknown, readonly arguments?: unknown }
}

export interface ToolCallAssembly {
  add (delta: CallDelta): void
  readonly size: number
  /** In the order in which they began. `invalid` names calls whose arguments are no JSON object. */
  finish (): { readonly calls: readonly ToolCallPart[], readonly invalid: readonly string[] }
}

interface Draft {
  readonly index: number | undefined
  id: string
  name: string
  text: string
  /** Some servers send an object where the others send its text. */
  object: { readonly [name: string]: unknown } | undefined
}

/** More in one step is no plan but an accident. */
const mostCalls = 128
const mostArgumentCharacters = 8 * 1024 * 1024

export function createToolCalls (): ToolCallAssembly {
  const drafts: Draft[] = []
  let characters = 0

  return {
    get size () { return drafts.length },
    add ({ index, id, function: called }) {
      const given = called?.arguments
      const name = textOf(called?.name)
      const draft = draftOf(drafts, typeof index === 'number' ? index : undefined, textOf(id), name)
      if (draft.id === '') draft.id = textOf(id)
      if (draft.name === '') draft.name = name
      if (typeof given === 'string') {
        draft.text += given
        characters += given.length
        if (characters > mostArgumentCharacters) throw new ProviderError('server_error', 'The model wrote arguments of tool calls without end.')
      } else if (isObject(given)) draft.object = { ...draft.object, ...given }
    },
    finish () {
      const read = drafts.map(draft => ({ draft, given: draft.object ?? readArguments(draft.text) }))
      return {
        calls: read.flatMap(({ draft, given }) => given === undefined || draft.name === '' ? [] : [asCall(draft, given)]),
        invalid: read.filter(({ draft, given }) => given === undefined || draft.name === '').map(({ draft }) => draft.name || 'a tool without a name')
      }
    }
  }
}

/** By number, else by id, else the one that is being written. A new id under an old number is a new call all the same. */
function draftOf (drafts: Draft[], index: number | undefined, id: string, name: string): Draft {
  const found = index === undefined
    ? id === '' ? undefined : drafts.find(draft => draft.id === id)
    : drafts.findLast(draft => draft.index === index)
  if (found && (id === '' || found.id === '' || found.id === id)) return found
  const last = drafts.at(-1)
  const isOpen = last !== undefined && (name === '' || last.name === '')
  if (index === undefined && id === '' && isOpen) return last
  if (drafts.length >= mostCalls) throw new ProviderError('server_error', `The model made more than ${mostCalls} tool calls in one step.`)
  const draft = { index, id: '', name: '', text: '', object: undefined }
  drafts.push(draft)
  return draft
}

const asCall = ({ id, name }: Draft, given: ToolCallPart['arguments']): ToolCallPart =>
  ({ type: 'toolCall', id: id || `call_${randomUUID()}`, name, arguments: given })

const textOf = (value: unknown): string => typeof value === 'string' ? value : ''
const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readArguments (text: string): ToolCallPart['arguments'] | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    // Written as JSON twice.
    const inner: unknown = typeof value === 'string' ? value.trim() === '' ? {} : JSON.parse(value) : value
    return inner === null ? {} : isObject(inner) ? inner : undefined
  } catch {
    return undefined
  }
}
