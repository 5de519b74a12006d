import { Dialog } from '../parts/dialog.tsx'
import { helpShown, jumps } from './keyboard.ts'

const keys: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['/'], 'Search'],
  [['↑', '↓'], 'From item to item (also j, k)'],
  [['Enter'], 'Open the item'],
  [['Esc'], 'Close what is open'],
  [['?'], 'This list'],
]

export function HelpDialog() {
  const close = () => {
    helpShown.value = false
  }
  return (
    <Dialog open={helpShown.value} title="Keys" onClose={close}>
      <dl class="keys">
        {[...keys, ...jumps.map(([key, , title]) => [['g', key], title] as const)].map(
          ([parts, what]) => (
            <div key={what}>
              <dt>
                {parts.map((part) => (
                  <kbd key={part}>{part}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ),
        )}
      </dl>
    </Dialog>
  )
}
