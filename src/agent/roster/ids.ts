/** The grammar of agent ids: they are part of session keys and of the names of directories. */
import { GatewayError } from '../../protocol/errors.ts'

const maxIdLength = 64

/** `Research Bot` is `research-bot`. */
export function agentIdOf (name: string): string {
  const id = name.toLowerCase().replace(/[^a-z0-9_-]+/g, '-').replace(/^[-_]+/, '').slice(0, maxIdLength).replace(/-+$/, '')
  if (id === '') {
    const shown = name.slice(0, maxIdLength)
    throw new GatewayError('INVALID_PARAMS', { message: `agent name "${shown}" has no character for an id: use at least one letter a-z or digit` })
  }
  return id
}
