/** Vectors as they are kept: a byte for each number, relative to the largest. It is a quarter of the room, and ranks the same. */

export interface StoredVector {
  readonly bytes: Uint8Array
  /** Length of the vector in the bytes' own measure. */
  readonly norm: number
}

export function storedVector (vector: Float32Array): StoredVector {
  let largest = 0
  for (const value of vector) largest = Math.max(largest, Math.abs(value))
  const numbers = new Int8Array(vector.length)
  let sum = 0
  if (largest === 0) return { bytes: new Uint8Array(numbers.buffer), norm: 0 }
  for (let at = 0; at < vector.length; at++) {
    const value = Math.round(vector[at]! / largest * 127)
    numbers[at] = value
    sum += value * value
  }
  return { bytes: new Uint8Array(numbers.buffer), norm: Math.sqrt(sum) }
}

export function lengthOf (vector: Float32Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
}

/** Of a question and a kept vector; 0 when one of them says nothing or they are of different models. */
export function cosine (question: Float32Array, length: number, numbers: Int8Array, norm: number): number {
  if (numbers.length !== question.length || norm === 0 || length === 0) return 0
  let dot = 0
  for (let at = 0; at < numbers.length; at++) dot += question[at]! * numbers[at]!
  return dot / (length * norm)
}
