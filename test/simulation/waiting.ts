/**
 * A promise that is watched, not awaited: whoever waits for it has to let simulated time pass
 * meanwhile.
 */
export class Waiting<T> {
  #ending: Ending<T> = { kind: 'open' }

  constructor(promise: Promise<T>) {
    promise.then(
      (value) => {
        this.#ending = { kind: 'value', value }
      },
      (error: unknown) => {
        this.#ending = { kind: 'error', error }
      },
    )
  }

  get ending(): Ending<T> {
    return this.#ending
  }
}

export type Ending<T> =
  | { readonly kind: 'open' }
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'error'; readonly error: unknown }
