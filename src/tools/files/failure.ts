/** What goes wrong with files, told so that whoever called can do better. */
import type { ToolResult } from '../tool.ts'

/** Its message is for the agent. */
export class FileFailure extends Error {}

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

const sentences: { readonly [code: string]: (name: string) => string } = {
  ENOENT: name => `File not found: ${name}. ls shows what there is.`,
  ENOTDIR: name => `A part of ${name} is a file and not a directory.`,
  EISDIR: name => `${name} is a directory. ls lists it.`,
  ELOOP: name => `Not allowed: ${name} is or passes a link that leads nowhere or outside.`,
  EACCES: name => `The operating system does not permit it: ${name}.`,
  EPERM: name => `The operating system does not permit it: ${name}.`,
  EROFS: name => `${name} lies on a disk that can only be read.`,
  ENOSPC: name => `The disk of ${name} is full.`,
  EDQUOT: name => `The quota of the disk of ${name} is used up.`,
  ENAMETOOLONG: name => `A part of the path is too long: ${name.slice(0, 80)}…`,
  EEXIST: name => `${name} is there already.`,
  ENOTEMPTY: name => `${name} is not empty.`
}

/** What is not known here is a defect and stays an error. */
export function failureOf (error: unknown, name: string): FileFailure {
  if (error instanceof FileFailure) return error
  const sentence = sentences[codeOf(error) ?? '']
  if (!sentence) throw error
  return new FileFailure(sentence(name))
}

/** A result instead of an exception: the model reads it and goes on. */
export async function answering (tool: string, name: string, work: () => Promise<ToolResult>): Promise<ToolResult> {
  try {
    return await work()
  } catch (error) {
    const { message } = failureOf(error, name)
    return { content: [{ type: 'text', text: message }], details: { status: 'error', tool, error: message }, isError: true }
  }
}
