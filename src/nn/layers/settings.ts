/** Reads a layer's options: defaults, forms that Keras accepts too, and errors that name layer, option and value. */
import { ThawError } from "../../errors";

/** One number for both, or height first. */
export type Pair = number | readonly [number, number];

export type Padding = "valid" | "same";

/** For layers of images: the only layout is `[batch, height, width, channels]`. */
export interface ImageOptions {
  /** Default, and all there is: "channels_last". */
  readonly dataFormat?: "channels_last";
}

const show = (value: unknown) => (value === undefined ? "missing" : (JSON.stringify(value) ?? "a function"));

export class Settings<O extends object> {
  readonly #options: O & { readonly name?: string };

  constructor(
    readonly className: string,
    options: O,
  ) {
    this.#options = options;
  }

  /** Who complains: the layer's name where the caller chose one, else its class. */
  get who(): string {
    return this.#options.name ?? this.className;
  }

  /** The value as given; null, as Keras's files have it for "none", counts as not given. */
  #raw(key: keyof O & string): unknown {
    return this.#options[key] ?? undefined;
  }

  refuse(key: keyof O & string, expected: string, remedy = ""): ThawError {
    return new ThawError(this.who, `${key} is ${show(this.#options[key])}`, expected, remedy);
  }

  /** A whole number of at least `least`. */
  whole(key: keyof O & string, fallback?: number, least = 1): number {
    const value = this.#raw(key) ?? fallback;
    if (!isWhole(value, least)) throw this.refuse(key, `a whole number of at least ${least}`);
    return value;
  }

  /** Two whole numbers, height first; one number stands for both. */
  pair(key: keyof O & string, fallback?: Pair, least = 1): [number, number] {
    const value = this.#raw(key) ?? fallback;
    const both = typeof value === "number" ? [value, value] : value;
    if (!Array.isArray(both) || both.length !== 2 || !both.every((v) => isWhole(v, least))) {
      throw this.refuse(key, `one or two whole numbers of at least ${least}, height first`);
    }
    return [both[0], both[1]];
  }

  /** A finite number between the bounds, both included. */
  number(key: keyof O & string, fallback: number, low = -Infinity, high = Infinity): number {
    const value = this.#raw(key) ?? fallback;
    if (typeof value !== "number" || !Number.isFinite(value) || value < low || value > high) {
      const bounds = [low > -Infinity ? `at least ${low}` : "", high < Infinity ? `at most ${high}` : ""].filter(
        Boolean,
      );
      throw this.refuse(key, `a number${bounds.length > 0 ? ` of ${bounds.join(" and ")}` : ""}`);
    }
    return value;
  }

  /** One number or several, e.g. one a channel. */
  numbers(key: keyof O & string, fallback: number): number[] {
    const list = [this.#raw(key) ?? fallback].flat(Infinity as 1);
    if (list.length === 0 || !list.every((v) => typeof v === "number" && Number.isFinite(v))) {
      throw this.refuse(key, "a number, or one for each channel");
    }
    return list as number[];
  }

  flag(key: keyof O & string, fallback: boolean): boolean {
    const value = this.#raw(key) ?? fallback;
    if (typeof value !== "boolean") throw this.refuse(key, "true or false");
    return value;
  }

  /** One of these words; the first is the default. Keras takes paddings in capitals too. */
  choice<T extends string>(key: keyof O & string, allowed: readonly [T, ...T[]]): T {
    const value = this.#raw(key) ?? allowed[0];
    const found = allowed.find((word) => typeof value === "string" && word === value.toLowerCase());
    if (!found) throw this.refuse(key, `one of ${allowed.map((word) => `"${word}"`).join(", ")}`);
    return found;
  }

  channelsLast(): "channels_last" {
    const value = this.#raw("dataFormat" as keyof O & string) ?? "channels_last";
    if (value !== "channels_last") {
      const remedy = 'Save the model with "channels_last" in Keras; Permute brings single inputs into that layout.';
      throw this.refuse(
        "dataFormat" as keyof O & string,
        '"channels_last": Thaw computes in [batch, height, width, channels] only',
        remedy,
      );
    }
    return value;
  }

  /** Space around an image: one number for all sides, one an axis, or `[[top, bottom], [left, right]]`. */
  sides(key: keyof O & string, fallback: number): Sides {
    const value = this.#raw(key) ?? fallback;
    const axes = typeof value === "number" ? [value, value] : value;
    const sides = Array.isArray(axes)
      ? axes.map((side) => (typeof side === "number" ? [side, side] : side) as number[])
      : [];
    if (
      sides.length !== 2 ||
      !sides.every((s) => Array.isArray(s) && s.length === 2 && s.every((v) => isWhole(v, 0)))
    ) {
      throw this.refuse(key, "a whole number, a pair of them, or [[top, bottom], [left, right]]");
    }
    return sides as unknown as Sides;
  }
}

/** `[[top, bottom], [left, right]]`. */
export type Sides = readonly [readonly [number, number], readonly [number, number]];

function isWhole(value: unknown, least: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least;
}

/** A Keras axis, negative ones counted from the end, as an index; undefined where there is no such axis. */
export function axisIndex(axis: number, rank: number): number | undefined {
  const index = axis < 0 ? axis + rank : axis;
  return Number.isInteger(index) && index >= 0 && index < rank ? index : undefined;
}
