/** The commands that Telegram shows to whoever types a slash. */
import t from 'tap'
import { eventually } from '../../../fixtures/eventually.ts'
import { openScene, type Scene } from './scene.ts'

const commands = [{ name: 'stop', description: 'Stops what goes on.' }, { name: 'New', description: 'x'.repeat(300) }, { name: 'über', description: 'Cannot be shown.' }]
const shows = async ({ server }: Scene, wanted: string): Promise<unknown> => await eventually(() => server.commands.map(({ command }) => command).join(' '), it => it === wanted)

t.test('the menu has what can be ordered, changes with it, and goes with it', async t => {
  const scene = await openScene(t, { commands })
  await shows(scene, 'stop new')
  scene.commands = [...commands, { name: 'help', description: 'Helps.' }]
  scene.account.commandsChanged!()
  await shows(scene, 'stop new help')
  scene.commands = []
  scene.account.commandsChanged!()
  await shows(scene, '')
  t.equal(scene.server.calls.filter(({ method }) => method === 'deleteMyCommands').length, 1)
})

t.test('a menu that somebody made elsewhere is left alone when there is nothing to show', async t => {
  const scene = await openScene(t, { keys: { commands: { native: false } }, commands, prepare: server => { server.commands = [{ command: 'own', description: 'Own.' }] } })
  scene.server.write({ text: 'hello' })
  await scene.until(() => scene.received.length === 1)
  await shows(scene, 'own')
  t.same(scene.server.calls.filter(({ method }) => /MyCommands/.test(method)), [])
})

t.test('a menu that is refused costs nothing else, and is tried with the next change', async t => {
  const scene = await openScene(t, { commands, prepare: server => server.fail('setMyCommands', { status: 400, description: 'BOT_COMMAND_INVALID' }) })
  await scene.until(() => scene.logged.some(line => line.startsWith('the menu of commands could not be shown')))
  scene.server.write({ text: 'hello' })
  await scene.until(() => scene.received.length === 1)
  scene.account.commandsChanged!()
  t.equal(await shows(scene, 'stop new'), 'stop new')
})

t.test('the menu is there also where Telegram calls', async t => {
  const scene = await openScene(t, { commands, keys: { webhookUrl: 'http://127.0.0.1:9/hook', webhookSecret: 's' } })
  t.equal(await shows(scene, 'stop new'), 'stop new')
})
