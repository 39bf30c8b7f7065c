import { withoutMarks } from './markup.ts'
import { withoutSilentWords } from './silence.ts'

/** What people see of a reply: empty when it was not for them. `done`: nothing follows. */
export const shownReply = (text: string, done: boolean): string => text === '' ? text : withoutSilentWords(withoutMarks(text, done), done)
