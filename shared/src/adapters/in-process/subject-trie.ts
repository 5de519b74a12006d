interface Node<T> {
  readonly children: Map<string, Node<T>>
  /** Those whose filter ends here. */
  readonly here: Set<T>
  /** Those whose filter ends here with `>`: they take one token or more beyond this one. */
  readonly beyond: Set<T>
}

/**
 * Which subscriptions a subject reaches. One level a token, `*` being a child like any other, so
 * that a look-up costs what matches, at most two branches a token, and not what is subscribed:
 *
 *     mrd ─ pulse ─ eu ─ z1 ─ n7     mrd.pulse.eu.z1.n7
 *                 └ *  ─ *  ─ *      mrd.pulse.*.*.*
 *         └ rpc (>)                  mrd.rpc.>
 */
export class SubjectTrie<T> {
  readonly #root: Node<T> = emptyNode()

  /** An item is added once a filter. Filters are taken as valid. */
  add(filter: string, item: T): void {
    const tokens = filter.split('.')
    const toTheEnd = tokens.at(-1) === '>'
    let node = this.#root
    for (const token of toTheEnd ? tokens.slice(0, -1) : tokens) {
      let child = node.children.get(token)
      if (child === undefined) {
        child = emptyNode()
        node.children.set(token, child)
      }
      node = child
    }
    ;(toTheEnd ? node.beyond : node.here).add(item)
  }

  /** Does nothing when it is not there. */
  remove(filter: string, item: T): void {
    removeBelow(this.#root, filter.split('.'), 0, item)
  }

  /** In no particular order. */
  match(subject: string): T[] {
    const found: T[] = []
    collect(this.#root, subject.split('.'), 0, found)
    return found
  }

  get isEmpty(): boolean {
    return isEmpty(this.#root)
  }
}

function emptyNode<T>(): Node<T> {
  return { children: new Map(), here: new Set(), beyond: new Set() }
}

function isEmpty<T>(node: Node<T>): boolean {
  return node.children.size === 0 && node.here.size === 0 && node.beyond.size === 0
}

function collect<T>(node: Node<T>, tokens: readonly string[], at: number, found: T[]): void {
  const token = tokens[at]
  if (token === undefined) {
    found.push(...node.here)
    return
  }
  found.push(...node.beyond)
  const exact = node.children.get(token)
  if (exact !== undefined) collect(exact, tokens, at + 1, found)
  const any = node.children.get('*')
  if (any !== undefined) collect(any, tokens, at + 1, found)
}

function removeBelow<T>(node: Node<T>, tokens: readonly string[], at: number, item: T): void {
  const token = tokens[at]
  if (token === undefined) {
    node.here.delete(item)
    return
  }
  if (token === '>' && at === tokens.length - 1) {
    node.beyond.delete(item)
    return
  }
  const child = node.children.get(token)
  if (child === undefined) return
  removeBelow(child, tokens, at + 1, item)
  if (isEmpty(child)) node.children.delete(token)
}
