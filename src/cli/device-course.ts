/** What the device commands have in common: they are administrative, and they need the running gateway. */
export const deviceCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Pairing is decided by the running gateway: start it (openclaw gateway run), then repeat this command.'
})
