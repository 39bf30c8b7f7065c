/** Settings of accounts against what their channel declares. */
import t from 'tap'
import type { Channel } from '../../src/channels/define-channel.ts'
import { settingsProblem } from '../../src/channels/settings-check.ts'

t.test('what does not fit is named, and what a channel declares is read once for all of its accounts', async t => {
  let reads = 0
  const config = {
    type: 'object',
    get properties () {
      reads++
      return { pace: { type: 'integer' } }
    }
  }
  const channel = { config } as unknown as Channel
  t.equal(settingsProblem(channel, { pace: 1, unknown: 'to us' } as never), undefined)
  t.equal(settingsProblem(channel, { pace: 'fast' } as never), 'pace must be integer')
  t.equal(settingsProblem(channel, { pace: 2 } as never), undefined)
  t.equal(reads, 1)
})
