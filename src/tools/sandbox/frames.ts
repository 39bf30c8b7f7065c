/** Output of a container without a terminal: both streams in one, each piece with a head that says whose it is and how long. */

export interface Frame { readonly stream: 'stdin' | 'stdout' | 'stderr', readonly data: Buffer }

const streams = ['stdin', 'stdout', 'stderr'] as const
const headBytes = 8

/** Gives what is complete of a piece, as soon as it is there: a frame may be larger than what should be kept. */
export function createFrameReader (): (chunk: Buffer) => Frame[] {
  let head = Buffer.alloc(0)
  let [left, stream]: [number, Frame['stream']] = [0, 'stdout']

  return chunk => {
    const frames: Frame[] = []
    let rest = chunk
    while (rest.length > 0) {
      if (left === 0) {
        const taken = rest.subarray(0, headBytes - head.length)
        head = Buffer.concat([head, taken])
        rest = rest.subarray(taken.length)
        if (head.length < headBytes) break
        const known = streams[head[0]!]
        if (known === undefined) throw new Error('the engine sent something else than the streams of a container')
        stream = known
        left = head.readUInt32BE(4)
        head = Buffer.alloc(0)
        continue
      }
      const data = rest.subarray(0, left)
      left -= data.length
      rest = rest.subarray(data.length)
      frames.push({ stream, data })
    }
    return frames
  }
}
