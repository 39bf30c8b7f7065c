/** Errors that nobody caught, and who answers for them. */

/** True when the error was its own, and has been seen to. Asked in the context in which the error was thrown. */
export type Answerer = (error: unknown) => boolean

const answerers = new Set<Answerer>()

/** For code that is not ours: what it leaves uncaught costs itself, and not the process. */
export const answerForStrays = (answerer: Answerer): void => { answerers.add(answerer) }

export const isAnsweredFor = (error: unknown): boolean => [...answerers].some(answerer => answerer(error))
