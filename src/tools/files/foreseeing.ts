/** Whether a call may touch the files that it names, with none of them touched. */
import { stat } from 'node:fs/promises'
import type { Foreseen } from '../tool.ts'
import { failureOf } from './failure.ts'
import { admit, locate, realPlace, type FileView } from './view.ts'

export interface Touched {
  readonly name: string
  readonly use: 'read' | 'write'
  /** Nothing can be done unless it is there. */
  readonly isNeeded: boolean
}

export async function foreseeFiles (view: FileView, files: readonly Touched[]): Promise<Foreseen> {
  for (const { name, use, isNeeded } of files) {
    try {
      const real = await realPlace(locate(view, name))
      admit(view, name, real, use)
      if (isNeeded) await stat(real)
    } catch (error) {
      return { wouldRun: false, because: failureOf(error, name).message }
    }
  }
  return { wouldRun: true }
}
