import type { Command } from "commander";
import { Api } from "./api/api.ts";
import { connectionOf, type GlobalOptions } from "./profiles/connection.ts";
import { GAP, plain, table, wrapped, type Column } from "./terminal/table.ts";
import { columnsOf, confirmed, say, styled, type Terminal } from "./terminal/terminal.ts";

/** One command as it runs: whom it talks to, and where its answer goes. */
export class Run {
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  readonly json: boolean;
  #api: Api | null = null;
  constructor(terminal: Terminal, options: GlobalOptions) {
    this.terminal = terminal;
    this.options = options;
    this.json = options.json === true;
  }

  /** Made when first needed: commands that need no server read no profile. */
  get api(): Api {
    return (this.#api ??= new Api({
      ...connectionOf(this.options, this.terminal.env),
      signal: this.terminal.interrupted,
    }));
  }

  /** The answer as the API gave it, or the lines that people read. */
  show<T>(answer: T, lines: (answer: T) => readonly string[]): void {
    say(this.terminal, this.json ? [JSON.stringify(answer, null, 2)] : lines(answer));
  }

  /** A list: its table, or one line that says what it has none of; and what is to be said behind it. */
  list<T, Row>(
    answer: T,
    rows: readonly Row[],
    columns: readonly Column<Row>[],
    none: string,
    behind: readonly string[] = [],
  ): void {
    this.show(answer, () => [...(rows.length === 0 ? [none] : this.table(rows, columns)), ...behind]);
  }

  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
    const [head = "", ...lines] = table(rows, columns, columnsOf(this.terminal));
    return [styled(this.terminal, "bold", head), ...lines];
  }

  /** Names and values under each other; a value that is null stands as a dash. */
  facts(facts: readonly (readonly [name: string, value: string])[]): string[] {
    const width = Math.max(...facts.map(([name]) => name.length));
    const room = columnsOf(this.terminal) - width - GAP.length;
    return facts.flatMap(([name, value]) =>
      wrapped(plain(value), room).map((line, at) => {
        const head = at === 0 ? styled(this.terminal, "bold", name.padEnd(width)) : " ".repeat(width);
        return `${head}${GAP}${line}`;
      }),
    );
  }

  /** A sentence, in as many lines as the terminal needs. */
  prose(text: string): string[] {
    return wrapped(text, columnsOf(this.terminal));
  }

  async confirm(question: string): Promise<void> {
    await confirmed(this.terminal, question, this.options.yes === true);
  }
}

/** Gives a handler its run; the rest are its arguments and its options, as commander passes them. */
export function acting<A extends unknown[]>(
  terminal: Terminal,
  handle: (run: Run, ...args: A) => Promise<void> | void,
) {
  return async (...received: unknown[]): Promise<void> => {
    const command = received.at(-1) as Command;
    await handle(new Run(terminal, command.optsWithGlobals<GlobalOptions>()), ...(received.slice(0, -1) as A));
  };
}
