import t from 'tap'
import { ProviderError } from '../../src/providers/model.ts'
import { createCooldowns } from '../../src/providers/cooldowns.ts'

t.test('a provider rests as long as it is to rest, not for hours because the clock was set back', async t => {
  let now = 1_800_000_000_000
  const cooldowns = createCooldowns(() => now)
  const model = { provider: 'local', id: 'm' } as never
  cooldowns.failed(model, new ProviderError('rate_limit', 'slow down'), false)
  t.ok(cooldowns.of(model))
  now += 1_000
  t.ok(cooldowns.of(model), 'it rests still')
  now -= 5 * 3_600_000
  t.equal(cooldowns.of(model), undefined)
  t.equal(cooldowns.status('local').cooldownUntilMs, undefined)
})
