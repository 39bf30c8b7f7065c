/** The last bytes of a stream. Memory grows with what comes, up to the limit. */
export class Ring {
  private buffer = Buffer.alloc(0)
  private readonly capacity: number
  private end = 0
  total = 0

  constructor (capacity: number) {
    this.capacity = capacity
  }

  get length (): number { return Math.min(this.total, this.capacity) }

  private grow (needed: number): void {
    const size = Math.min(this.capacity, Math.max(4096, this.buffer.length * 2, needed))
    if (size <= this.buffer.length) return
    // Before it is full it has not wrapped yet.
    const larger = Buffer.allocUnsafe(size)
    this.buffer.copy(larger, 0, 0, this.end)
    this.buffer = larger
  }

  add (bytes: Buffer): void {
    const chunk = bytes.length > this.capacity ? bytes.subarray(bytes.length - this.capacity) : bytes
    if (this.buffer.length < this.capacity) this.grow(this.end + chunk.length)
    const first = Math.min(chunk.length, this.buffer.length - this.end)
    chunk.copy(this.buffer, this.end, 0, first)
    chunk.copy(this.buffer, 0, first)
    this.end = (this.end + chunk.length) % Math.max(1, this.buffer.length)
    // A buffer that is filled exactly before it has its full size goes on growing from its end.
    if (this.end === 0 && this.buffer.length < this.capacity && chunk.length > 0) this.end = this.buffer.length
    this.total += bytes.length
  }

  /** The last `count` bytes. */
  last (count: number): Buffer {
    const wanted = Math.min(count, this.length)
    const start = this.end - wanted
    if (start >= 0) return Buffer.from(this.buffer.subarray(start, this.end))
    return Buffer.concat([this.buffer.subarray(this.buffer.length + start), this.buffer.subarray(0, this.end)])
  }

  /** Counts what is not here. What follows must fill the ring, or there would be a hole in it. */
  skip (count: number): void {
    this.total += count
  }

  /** All that is there and how much came before it; then it is empty. */
  take (): { bytes: Buffer, skipped: number } {
    const bytes = this.last(this.length)
    const skipped = this.total - bytes.length
    this.total = this.end = 0
    return { bytes, skipped }
  }
}
