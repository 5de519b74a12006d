/** What is drawn on and typed at: standard output and input, where both are a terminal. */
export interface Terminal {
  readonly input: {
    setEncoding(encoding: 'utf8'): unknown
    setRawMode(isRaw: boolean): unknown
    on(event: 'data', listener: (text: string) => void): unknown
    off(event: 'data', listener: (text: string) => void): unknown
    resume(): unknown
    pause(): unknown
  }
  readonly output: {
    readonly columns: number
    readonly rows: number
    write(text: string): unknown
    on(event: 'resize', listener: () => void): unknown
    off(event: 'resize', listener: () => void): unknown
  }
}

/** A terminal that is drawn on in place, and left as it was found. */
export interface Screen {
  readonly columns: number
  readonly rows: number
  draw(lines: readonly string[]): void
  close(): void
}

export interface ScreenListener {
  onKey(key: string): void
  /** What was drawn does not fit any more. */
  onResize(): void
}

const enter = '\u001B[?1049h\u001B[?25l'
const leave = '\u001B[?25h\u001B[?1049l'
const home = '\u001B[H'
const clearLine = '\u001B[K'
const clearBelow = '\u001B[J'

/** Takes the terminal over: the listener is told of each key, and must see to Ctrl-C itself. */
export function openScreen({ input, output }: Terminal, listener: ScreenListener): Screen {
  const onData = (text: string) => {
    listener.onKey(text)
  }
  const onResize = () => {
    listener.onResize()
  }
  input.setEncoding('utf8')
  input.setRawMode(true)
  input.on('data', onData)
  input.resume()
  output.on('resize', onResize)
  output.write(enter)
  let isOpen = true
  return {
    get columns() {
      return output.columns
    },
    get rows() {
      return output.rows
    },
    draw(lines) {
      // Over what is there, so that nothing flickers.
      const text = lines.map((line) => `${line}${clearLine}`).join('\r\n')
      output.write(`${home}${text}${clearBelow}`)
    },
    close() {
      if (!isOpen) return
      isOpen = false
      output.off('resize', onResize)
      input.off('data', onData)
      input.setRawMode(false)
      input.pause()
      output.write(leave)
    },
  }
}
