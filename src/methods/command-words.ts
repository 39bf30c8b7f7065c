/** Short names for what people type: a client that sends words of the command line is understood. Not announced, and no other methods. */
import { configChanges } from './config-changes.ts'
import { devices } from './devices.ts'
import { logs } from './logs.ts'
import { sessions } from './sessions.ts'

export const commandWords = {
  logs: { ...logs['logs.tail'], advertise: false },
  pairing: { ...devices['device.pair.list'], advertise: false },
  sessions: { ...sessions['sessions.list'], advertise: false },
  reload: { ...configChanges['gateway.reload'], advertise: false }
} as const
