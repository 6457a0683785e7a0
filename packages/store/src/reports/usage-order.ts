import { columnOf, isAxis, isTime, type UsageAxis, type UsageGroup, type UsageTime } from "./usage-axes.ts";
import type { StatementValues } from "./usage-filter.ts";

/** Rows by what they cost, how many calls or tokens they are (most first), or by their groups. Absent = by time, then by cost. */
export const USAGE_ORDERS = ["cost", "calls", "tokens", "group"] as const;
export type UsageOrder = (typeof USAGE_ORDERS)[number];

/** Times, measure and axes of a row, in the order of the report: where the next page goes on. */
export interface RowPlace {
  readonly times: readonly string[];
  readonly measure: string;
  readonly axes: readonly (string | null)[];
}

type Part = keyof RowPlace;
const MEASURES = { cost: "cost_nano", calls: "calls", tokens: "input_tokens + output_tokens" } as const;

/** How the rows of a report are sorted, as text of its statement: three parts, of which each decides where those before it are equal. */
export class RowOrder {
  readonly times: readonly UsageTime[];
  readonly axes: readonly UsageAxis[];
  readonly #order: UsageOrder | null;

  constructor(groups: readonly UsageGroup[], order: UsageOrder | null) {
    this.times = groups.filter(isTime);
    this.axes = groups.filter(isAxis);
    this.#order = order;
  }

  get measure(): string {
    return MEASURES[this.#order === null || this.#order === "group" ? "cost" : this.#order];
  }

  get #parts(): Part[] {
    const parts: Part[] =
      this.#order === null
        ? ["times", "measure", "axes"]
        : this.#order === "group"
          ? ["times", "axes"]
          : ["measure", "times", "axes"];
    return parts.filter((part) => part === "measure" || this[part].length > 0);
  }

  orderBy(): string {
    const terms = this.#parts.flatMap((part) => {
      if (part === "measure") return [`${this.measure} DESC`];
      if (part === "times") return this.times.map((time) => `at_${time}`);
      // As a list of them compares (`after`): in bytes, and those without one last.
      return this.axes.map((axis) => (axis === "user" ? "user_pseudonym" : `${columnOf(axis)} COLLATE "C"`));
    });
    return terms.join(", ");
  }

  /** Is a row behind `place`? Lists of times and axes are only made for rows that are equal up to there. */
  after(place: RowPlace, values: StatementValues): string {
    const at: { readonly [P in Part]: () => readonly [expression: string, value: string] } = {
      times: () => [
        `ARRAY[${this.times.map((time) => `at_${time}`).join(", ")}]`,
        `${values.add(place.times)}::bigint[]`,
      ],
      measure: () => [`-(${this.measure})`, `-(${values.add(place.measure)}::numeric)`],
      axes: () => [
        `ARRAY[${this.axes.map(axisText).join(", ")}]::text[] COLLATE "C"`,
        `${values.add(place.axes)}::text[] COLLATE "C"`,
      ],
    };
    return this.#parts.reduceRight<string>((rest, part) => {
      const [expression, value] = at[part]();
      return `(${expression} > ${value} OR (${expression} = ${value} AND ${rest}))`;
    }, "false");
  }

  /** `next_cursor`: where the page ended, and of which report. */
  cursorOf(place: RowPlace): string {
    const text = JSON.stringify([this.#name(), place.times, place.measure, place.axes]);
    return Buffer.from(text).toString("base64url");
  }

  /** Throws RangeError where the cursor is none, or belongs to a report with other groups or another order. */
  placeOf(cursor: string): RowPlace {
    try {
      const [name, times, measure, axes] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
      if (
        name === this.#name() &&
        isListOf(times, this.times.length, isWhole) &&
        isWhole(measure) &&
        isListOf(axes, this.axes.length, isText)
      )
        return { times, measure, axes };
    } catch {
      // No JSON: no cursor of ours.
    }
    throw new RangeError("cursor: expected the next_cursor of an earlier answer to the same question");
  }

  #name(): string {
    return [...this.times, ...this.axes, this.#order ?? "time"].join();
  }
}

function axisText(axis: UsageAxis): string {
  return axis === "user" ? "encode(user_pseudonym, 'hex')" : axis;
}

function isWhole(value: unknown): value is string {
  return typeof value === "string" && /^-?\d{1,30}$/.test(value);
}

function isText(value: unknown): value is string | null {
  return value === null || (typeof value === "string" && !value.includes("\0"));
}

function isListOf<T>(value: unknown, length: number, is: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.length === length && value.every(is);
}
