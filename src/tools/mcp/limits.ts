/** More than any tool should answer, and less than would hurt. */
export const maxMessageBytes = 8 * 1024 * 1024

export const tooLargeText = `the answer is larger than ${maxMessageBytes / 1024 / 1024} MiB; ask for less`
