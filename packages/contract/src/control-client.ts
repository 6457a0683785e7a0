// What a client of the control API needs, without the schemas: they would bring zod into every page.
import { OPERATIONS, type Operations } from "./operations.ts";

export { CODES, type CodeRow, type ReasonCode } from "./codes.ts";
export * from "./live-events.ts";
export * from "./operations.ts";
export { bad, ok, systemChecks, type Check, type CheckWords } from "./system-checks.ts";

export type OperationId = keyof Operations;
export type Answer<O extends OperationId> = Operations[O]["answer"];

type Needed<Name extends string, T> =
  Record<never, never> extends T ? { readonly [N in Name]?: T } : { readonly [N in Name]: T };
type BodyOf<T> = [T] extends [undefined] ? Record<never, never> : { readonly body: T };

/** What an operation must be given; what it does not take does not compile. */
export type Input<O extends OperationId> = Needed<"params", Operations[O]["params"]> &
  Needed<"query", Operations[O]["query"]> &
  BodyOf<Operations[O]["body"]>;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** An input as it is on the wire, whatever the operation. */
export interface AnyInput {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Query;
  readonly body?: unknown;
}

/** Path and query of an operation. `always` is told to every operation that has it, unless the input names another. */
export function targetOf(operation: OperationId, { params, query }: AnyInput, always: Query = {}): string {
  const { path, query: names } = OPERATIONS[operation];
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params?.[name] ?? "")));
  const all: Query = { ...always, ...query };
  const asked = names.flatMap((name) => {
    const value = all[name];
    return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(
      (each) => `${encodeURIComponent(name)}=${encodeURIComponent(String(each))}`,
    );
  });
  return asked.length === 0 ? filled : `${filled}?${asked.join("&")}`;
}
