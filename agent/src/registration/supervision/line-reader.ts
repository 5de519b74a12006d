/** A splitter of bytes into lines that holds no line longer than agreed. */
export interface LineReader {
  /** Errors: `LineTooLong`, after which the reader is of no more use. */
  push(chunk: Uint8Array): void
  /** The next whole line, without its end; undefined until more has come. */
  next(): string | undefined
}

export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
}

const newline = 0x0a

export function createLineReader(lineBytesMax: number): LineReader {
  /** The last line's beginning, in the pieces in which it came. */
  let pieces: Uint8Array[] = []
  let pieceBytes = 0
  /** Whole lines that nobody has asked for yet: at most what one chunk brought. */
  let lines: Uint8Array[] = []
  let at = 0

  return {
    push(chunk) {
      let from = 0
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
        pieces.push(chunk.subarray(from, end))
        lines.push(pieces.length === 1 ? chunk.subarray(from, end) : Buffer.concat(pieces))
        pieces = []
        pieceBytes = 0
        from = end + 1
      }
      if (from === chunk.byteLength) return
      pieces.push(chunk.subarray(from))
      pieceBytes += chunk.byteLength - from
      if (pieceBytes > lineBytesMax) {
        throw new LineTooLong(`a line of more than ${lineBytesMax} bytes`)
      }
    },

    next() {
      const line = lines[at]
      if (line === undefined) return undefined
      at += 1
      if (at === lines.length) {
        lines = []
        at = 0
      }
      const { buffer, byteOffset, byteLength } = line
      const text = Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
      return text.endsWith('\r') ? text.slice(0, -1) : text
    },
  }
}
