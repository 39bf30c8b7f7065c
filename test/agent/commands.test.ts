import t from 'tap'
import { commandOf } from '../../src/agent/commands.ts'

const triggers = ['/new', '/reset', 'Start over', 'neu']

t.test('a message begins the conversation anew when it is a trigger, or a trigger and the first message', t => {
  const cases: Array<[message: string, trigger: string, rest: string]> = [
    ['/new', '/new', ''],
    [' /NEW  hello\nthere ', '/new', 'hello\nthere'],
    ['start over', 'Start over', ''],
    ['START OVER and be brief', 'Start over', 'and be brief'],
    ['neu\nHallo', 'neu', 'Hallo']
  ]
  for (const [message, trigger, rest] of cases) t.same(commandOf(message, triggers), { kind: 'reset', trigger, rest }, message)
  t.end()
})

t.test('words that only begin like a trigger are words for the agent', t => {
  for (const message of ['/newer', 'neutral', 'please start over', '/stop it', 'new', '']) t.equal(commandOf(message, [...triggers, '']), undefined, message)
  t.same(commandOf(' /STOP ', triggers), { kind: 'stop' })
  t.end()
})
