/** How much of skills a node may bring; the first four are what node.skills.update takes. */
export const skillLimits = {
  namePattern: '^(?!.*--)[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$',
  descriptionChars: 1024,
  bytesEach: 65_536,
  count: 64,
  bytesTogether: 524_288
} as const
