/**
 * Methods that official clients ask for right after connecting, and that belong to parts of another program: panels of its web page
 * and its own assistant. This gateway has no such parts, so each answers what is true, that there are none, and says why. A test
 * lists them; nothing else may be added.
 */
import type { Scope } from '../protocol/scopes.ts'
import { method } from './rooms.ts'
import { openList, openObject } from './shapes.ts'

function empty (scope: Scope, why: string, answer: object) {
  return method({ scope, params: openObject, result: openObject, changes: false, placeholder: why, handle: () => answer as {} })
}

/** The same for answers that are bare lists. */
function emptyList (scope: Scope, why: string) {
  return method({ scope, params: openObject, result: openList, changes: false, placeholder: why, handle: () => [] })
}

export const placeholders = {
  'sessions.companion.state': empty('operator.read', 'the companion beside a conversation is a model of that page\'s own', { exchanges: [] }),
  'progressCard.get': empty('operator.read', 'progress cards are drawn by agents of that program, with a tool that no agent here has', { card: null }),
  'question.list': empty('operator.questions', 'agents here ask in their replies, where people answer; they keep no list of questions', { questions: [] }),
  'openclaw.approval.list': emptyList('operator.approvals', 'these approvals are about that program\'s assistant for its own setup, which is not part of a gateway'),
  'plugins.controlUi.list': empty('operator.read', 'plugins here add tools, methods, routes and wire formats, and no parts of a web page', {
    revision: 'none', plugins: [], diagnostics: []
  })
}
