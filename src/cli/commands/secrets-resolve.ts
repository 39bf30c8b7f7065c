import { loadConfig } from '../../config/load.ts'
import { valueAt } from '../../config/path-syntax.ts'
import { isCredentialPlace } from '../../config/secret-places.ts'
import { asReference, resolveSecret, type ResolvedSecret } from '../../config/secrets.ts'
import type { SecretInput, SecretRef } from '../../config/schema.ts'
import { stepsOf } from '../config-change.ts'
import { command, flag, type CommandContext } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'

const unresolved = 2

type Answer = { readonly kind: 'ref' | 'text' | 'none', readonly ref?: SecretRef, readonly resolved?: ResolvedSecret, readonly fingerprint?: string }

async function answerFor (context: CommandContext<{ allowExec: boolean }>, path: string): Promise<Answer> {
  const steps = stepsOf(path)
  if (!isCredentialPlace(steps)) throw new CommandFailure(`No credential stands at ${path}: openclaw secrets audit names those that there are.`)
  const loaded = await loadConfig({ paths: pathsOf(context), env: context.io.env })
  const value = valueAt(loaded.source, steps) as SecretInput | undefined
  if (value === undefined) return { kind: 'none' }
  const ref = asReference(value)
  if (ref?.source === 'exec' && !context.options.allowExec) return { kind: 'ref', ref }
  const resolved = await resolveSecret(value, { ...loaded, secretValues: undefined })
  const { fingerprint } = await import('../../lib/fingerprint.ts')
  return { kind: ref ? 'ref' : 'text', ...(ref ? { ref } : {}), resolved, ...(resolved.value === undefined ? {} : { fingerprint: fingerprint(resolved.value) }) }
}

function sentenceOf (path: string, { kind, ref, resolved, fingerprint }: Answer): string {
  const where = ref ? `${ref.source}${ref.provider ? ` (${ref.provider})` : ''} ${ref.id}` : 'the configuration itself, as text'
  if (kind === 'none') return `${path}: nothing is configured`
  if (!resolved) return `${path}: ${where}; a program would have to be run: --allow-exec`
  return resolved.error === undefined ? `${path}: ${where}; can be had (fingerprint ${fingerprint})` : `${path}: ${where}; ${resolved.error}`
}

export default command({
  name: 'secrets resolve',
  summary: 'Say where one credential comes from, and whether it can be had',
  details: 'It never prints the credential itself; the fingerprint is the one that doctor and the log show.',
  exits: { 2: 'The credential cannot be had' },
  args: [{ name: 'path', help: 'Place in the configuration, such as gateway.auth.token' }],
  options: {
    ...jsonOption,
    allowExec: flag('Also run the program that a reference of source "exec" names')
  },
  examples: [
    ['openclaw secrets resolve gateway.auth.token', 'From a variable, a file, a program, or the file itself.']
  ],
  async run (context) {
    const path = context.args[0]!
    const answer = await answerFor(context, path)
    const { kind, ref, resolved, fingerprint } = answer
    if (context.options.json) {
      context.out.json({
        path,
        kind,
        ...ref,
        available: resolved === undefined ? null : resolved.error === undefined,
        ...(fingerprint ? { fingerprint } : {}),
        ...(resolved?.error ? { error: resolved.error } : {})
      })
    } else context.out.line(sentenceOf(path, answer))
    return resolved?.error === undefined ? 0 : unresolved
  }
})
