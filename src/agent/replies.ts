import { shownReply } from '../sessions/display/reply.ts'

/** What of a reply people see. While it goes on, what may become a silent word or a mark of the gateway is held back. */
export const visibleReply = (text: string, done: boolean): string => shownReply(text, done)
