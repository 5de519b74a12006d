/** A terminal that is drawn on in place, and left as it was found. */
export interface Screen {
  readonly columns: number
  readonly rows: number
  draw(lines: readonly string[]): void
  close(): void
}

const enter = '\u001B[?1049h\u001B[?25l'
const leave = '\u001B[?25h\u001B[?1049l'
const home = '\u001B[H'
const clearLine = '\u001B[K'
const clearBelow = '\u001B[J'

/**
 * Takes the terminal over: `onKey` is told of each key, and must see to Ctrl-C itself. Only for
 * where standard output and standard input are one.
 */
export function openScreen(onKey: (key: string) => void): Screen {
  const { stdin, stdout } = process
  const listen = (text: string) => {
    onKey(text)
  }
  stdin.setEncoding('utf8').setRawMode(true).on('data', listen).resume()
  stdout.write(enter)
  let isOpen = true
  return {
    get columns() {
      return stdout.columns
    },
    get rows() {
      return stdout.rows
    },
    draw(lines) {
      // Over what is there, so that nothing flickers.
      const text = lines.map((line) => `${line}${clearLine}`).join('\r\n')
      stdout.write(`${home}${text}${clearBelow}`)
    },
    close() {
      if (!isOpen) return
      isOpen = false
      stdin.off('data', listen).setRawMode(false).pause()
      stdout.write(leave)
    },
  }
}
