import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { Input, OperationId } from "./api/api.ts";
import { CommandFailed } from "./exit-codes.ts";
import type { Run } from "./run.ts";

/** An answer of any length, to standard output as it comes. */
export async function streamed<O extends OperationId>(
  run: Run,
  operation: O,
  input: Input<O>,
  accept: string,
): Promise<void> {
  await pipeline(await bodyOf(run, operation, input, accept), run.terminal.stdout, { end: false });
}

export async function bodyOf<O extends OperationId>(
  run: Run,
  operation: O,
  input: Input<O>,
  accept: string,
): Promise<Readable> {
  const { body } = await run.api.stream(operation, input, accept);
  if (body === null) throw new CommandFailed("unavailable", `${operation} answered nothing`);
  return Readable.fromWeb(body as ReadableStream<Uint8Array>);
}
