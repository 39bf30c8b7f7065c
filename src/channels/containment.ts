/** Code of channels runs in here: whatever it leaves uncaught, now or in a timer later, costs its own account and nobody else. */
import { createFence } from '../lib/fence.ts'

type Blame = (error: unknown) => void

const fence = createFence<Blame>((blame, error) => blame(error))

export const contained = async <Result>(blame: Blame, work: () => Promise<Result>): Promise<Result> =>
  await fence.inside(blame, async () => await work())

/** Our own code on behalf of a channel: what goes wrong in it is not the fault of the channel. */
export const { outside } = fence
