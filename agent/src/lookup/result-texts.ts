import {
  resultText,
  toLookupResult,
  type Hit,
  type IndexedInstance,
  type InstanceCatalog,
  type ResultText,
} from '@meridian/shared'

interface Written {
  /** Records are replaced whole: while these are the same, so is what was written of them. */
  readonly spec: IndexedInstance['spec']
  readonly state: IndexedInstance['state']
  /** By ring. */
  readonly texts: (ResultText | undefined)[]
}

/**
 * Results as JSON, each written once while it stays as it is: writing ten of them anew takes longer
 * than finding them.
 */
export class ResultTexts {
  readonly #catalog: InstanceCatalog
  /** For as long as the index holds the instance. */
  readonly #written = new WeakMap<IndexedInstance, Written>()

  constructor(catalog: InstanceCatalog) {
    this.#catalog = catalog
  }

  of(hit: Hit): ResultText {
    const { instance, ring } = hit
    const known = this.#written.get(instance)
    if (known !== undefined && known.spec === instance.spec && known.state === instance.state) {
      return (known.texts[ring] ??= this.#write(hit))
    }
    const texts: Written['texts'] = []
    const text = this.#write(hit)
    texts[ring] = text
    this.#written.set(instance, { spec: instance.spec, state: instance.state, texts })
    return text
  }

  #write(hit: Hit): ResultText {
    return resultText(toLookupResult(this.#catalog, hit))
  }
}
