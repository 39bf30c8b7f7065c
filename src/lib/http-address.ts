/** Whether a text is an absolute address of the web, in whatever case its scheme is written. */
export const isHttpAddress = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? '')
