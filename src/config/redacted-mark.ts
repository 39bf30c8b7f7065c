/** Stands where a credential is not shown. Apart, because telling it takes nothing of what finds the credentials. */
export const redactedMark = '__OPENCLAW_REDACTED__'
