/** Sizes at which a layer is merged into the one below: a change copies the top layer, rarely the next, very rarely all. */
const LAYER_SIZES_MAX = [256, 16_384] as const;

/** What a layer must answer; a base may be more compact than a Map. */
export type Layer<V> = Pick<ReadonlyMap<string, V>, "get" | "size"> & Iterable<readonly [string, V]>;

/**
 * An immutable map for a million entries: `with` answers a new map and shares all but a small top layer with the old one.
 * A look-up costs at most three native ones. A value cannot be taken out: the owner stores one that means "nothing".
 */
export class LayeredMap<V> {
  /** Top first; the last is the base. */
  readonly #layers: readonly Layer<V>[];

  private constructor(layers: readonly Layer<V>[]) {
    this.#layers = layers;
  }

  /** Takes `base` over: the caller must not change it any more. */
  static over<V>(base: Layer<V>): LayeredMap<V> {
    return new LayeredMap([base]);
  }

  get(key: string): V | undefined {
    for (const layer of this.#layers) {
      const value = layer.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  with(key: string, value: V): LayeredMap<V> {
    const layers =
      this.#layers.length > LAYER_SIZES_MAX.length ? [...this.#layers] : [new Map<string, V>(), ...this.#layers];
    layers[0] = new Map(layers[0]).set(key, value);
    for (let i = 0; i + 1 < layers.length && layers[i]!.size > (LAYER_SIZES_MAX[i] ?? Infinity); i++) {
      layers[i + 1] = merged(layers[i]!, layers[i + 1]!);
      layers[i] = new Map();
    }
    return new LayeredMap(layers);
  }

  /** Current values, each key once. */
  *values(): Generator<V> {
    const above = new Set<string>();
    for (const [i, layer] of this.#layers.entries()) {
      const last = i === this.#layers.length - 1;
      for (const [key, value] of layer) {
        if (above.has(key)) continue;
        if (!last) above.add(key);
        yield value;
      }
    }
  }
}

function merged<V>(above: Layer<V>, below: Layer<V>): Layer<V> {
  const both = new Map(below);
  for (const [key, value] of above) both.set(key, value);
  return both;
}
