/** Questions to whoever sits at the terminal. They go to stderr, so that stdout stays the answer of the command. */
import { createInterface } from 'node:readline/promises'
import type { CommandIo } from './define-command.ts'
import { CommandFailure } from './failure.ts'

export interface Questions {
  ask (question: string, fallback?: string): Promise<string>
  /** Asked again until it is one of them. */
  choose (question: string, words: readonly string[], fallback: string): Promise<string>
  confirm (question: string): Promise<boolean>
  close (): void
}

export function openQuestions ({ stdin, stderr }: CommandIo): Questions {
  const lines = createInterface({ input: stdin, output: stderr, terminal: false })
  const ended = new Promise<never>((_resolve, reject) => lines.once('close', () => reject(new CommandFailure('Nothing was changed: the questions were not answered.'))))
  ended.catch(() => {})
  const waiting: string[] = []
  let waiter: ((line: string) => void) | undefined
  lines.on('line', line => {
    if (waiter) waiter(line)
    else waiting.push(line)
    waiter = undefined
  })
  const next = (): Promise<string> => new Promise(resolve => {
    const line = waiting.shift()
    if (line !== undefined) return resolve(line)
    waiter = resolve
  })

  async function ask (question: string, fallback = ''): Promise<string> {
    stderr.write(`${question}${fallback === '' ? '' : ` [${fallback}]`}: `)
    const answer = waiting.length > 0 ? await next() : await Promise.race([next(), ended])
    return answer.trim() || fallback
  }
  return {
    ask,
    async choose (question, words, fallback) {
      for (;;) {
        const answer = await ask(`${question} (${words.join(', ')})`, fallback)
        if (words.includes(answer)) return answer
        stderr.write(`Use one of ${words.join(', ')}.\n`)
      }
    },
    confirm: async question => /^y(es)?$/i.test(await ask(`${question} [y/N]`)),
    close: () => lines.close()
  }
}
