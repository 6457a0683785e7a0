import { BadRequest } from "./adapter.ts";

/** One change. `path`: object keys from the top, at least one. `json`: the new value as JSON text; null = take the member out. */
export interface JsonEdit {
  readonly path: readonly string[];
  readonly json: string | null;
}

/**
 * Sets or removes members of raw JSON by splicing bytes: big integers, key order, white space, unknown fields and the
 * prompt's spelling stay as the client wrote them (re-serialising would change `12345678901234567890` and cost a pass over
 * megabytes of base64).
 *
 * - A key that occurs several times, escaped spellings too, is changed everywhere: no parser can read the old value.
 * - A missing member is added at the end of its object, missing parents too; a parent that is no object (`null`) becomes one.
 * - Paths that hide one another (`["a"]` and `["a","b"]`) are a bug of the caller: TypeError.
 *
 * `raw` is JSON that was parsed before and whose top is an object; anything else throws BadRequest, and never loops.
 * One linear scan without recursion. Returns `raw` itself where nothing changes.
 */
export function editTopLevel(raw: Buffer, edits: readonly JsonEdit[]): Buffer {
  if (edits.length === 0) return raw;
  return new Splicer(raw, editTree(edits)).run();
}

/** The edits by key. A leaf has no children; `json` is what to put there. */
interface EditNode {
  readonly children: Map<string, EditNode>;
  json: string | null;
}

function editTree(edits: readonly JsonEdit[]): EditNode {
  const root: EditNode = { children: new Map(), json: null };
  for (const { path, json } of edits) {
    let node = root;
    for (const [depth, key] of path.entries()) {
      const last = depth === path.length - 1;
      let child = node.children.get(key);
      if (child !== undefined && (last || child.children.size === 0))
        throw new TypeError(`edits overlap at ${path.join(".")}`);
      if (child === undefined) {
        child = { children: new Map(), json: last ? json : null };
        node.children.set(key, child);
      }
      node = child;
    }
  }
  return root;
}

/** JSON of a node that has to be made from nothing; null where there is nothing to make. */
function created(node: EditNode): string | null {
  if (node.children.size === 0) return node.json;
  const members: string[] = [];
  for (const [key, child] of node.children) {
    const json = created(child);
    if (json !== null) members.push(`${JSON.stringify(key)}:${json}`);
  }
  return members.length === 0 ? null : `{${members.join(",")}}`;
}

/** An object the scan is inside of, whose members some edit names. */
interface OpenObject {
  readonly node: EditNode;
  readonly seen: Set<EditNode>;
  /** Has a member before the current one stayed? Decides which comma goes with a removed member. */
  kept: boolean;
  /** Where the comma before the current member is. */
  comma: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

class Splicer {
  readonly #raw: Buffer;
  readonly #root: EditNode;
  readonly #parts: Buffer[] = [];
  /** Up to where `raw` is in `#parts`, or was left out. */
  #done = 0;
  #at = 0;

  constructor(raw: Buffer, root: EditNode) {
    this.#raw = raw;
    this.#root = root;
  }

  run(): Buffer {
    const stack: OpenObject[] = [this.#open(this.#root)];
    let open = stack[0];
    while (open !== undefined) {
      const byte = this.#next();
      if (byte === QUOTE) {
        const inner = this.#member(open);
        if (inner !== null) {
          stack.push(inner);
          open = inner;
        }
      } else if (byte === COMMA) {
        open.comma = this.#at++;
      } else if (byte === CLOSE_BRACE) {
        this.#close(open);
        stack.pop();
        open = stack.at(-1);
        if (open !== undefined) open.kept = true;
      } else {
        throw invalid();
      }
    }
    if (this.#parts.length === 0) return this.#raw;
    this.#parts.push(this.#raw.subarray(this.#done));
    return Buffer.concat(this.#parts);
  }

  #open(node: EditNode): OpenObject {
    if (this.#next() !== OPEN_BRACE) throw invalid();
    this.#at++;
    return { node, seen: new Set(), kept: false, comma: -1 };
  }

  /** At a key: reads the member, or returns the object it holds where edits go on inside of it. */
  #member(open: OpenObject): OpenObject | null {
    const keyStart = this.#at;
    const child = open.node.children.get(this.#key());
    if (this.#next() !== COLON) throw invalid();
    this.#at++;
    const opensObject = this.#next() === OPEN_BRACE;
    if (child !== undefined) open.seen.add(child);
    if (child !== undefined && child.children.size > 0 && opensObject) return this.#open(child);
    const valueStart = this.#at;
    this.#skipValue();
    const json = child === undefined ? null : created(child);
    if (json !== null) this.#splice(valueStart, this.#at, json);
    // A parent that is no object and gets nothing (removing `a.b` of `"a":1`) stays as it is.
    else if (child !== undefined && child.children.size === 0) {
      this.#remove(open, keyStart);
      return null;
    }
    open.kept = true;
    return null;
  }

  /** Takes the member that ends here out, with one comma: the one before it where a member stays there, else the one after. */
  #remove(open: OpenObject, keyStart: number): void {
    if (open.kept) {
      this.#splice(open.comma, this.#at, "");
      return;
    }
    if (this.#next() === COMMA) this.#at++;
    this.#splice(keyStart, this.#at, "");
  }

  #close(open: OpenObject): void {
    const members: string[] = [];
    for (const [key, child] of open.node.children) {
      const json = open.seen.has(child) ? null : created(child);
      if (json !== null) members.push(`${JSON.stringify(key)}:${json}`);
    }
    if (members.length > 0) this.#splice(this.#at, this.#at, (open.kept ? "," : "") + members.join(","));
    this.#at++;
  }

  #splice(start: number, end: number, text: string): void {
    if (start > this.#done) this.#parts.push(this.#raw.subarray(this.#done, start));
    this.#parts.push(Buffer.from(text));
    this.#done = end;
  }

  /** The next byte that is not white space; it is not consumed. */
  #next(): number {
    const raw = this.#raw;
    let at = this.#at;
    while (isSpace(raw[at])) at++;
    this.#at = at;
    const byte = raw[at];
    if (byte === undefined) throw invalid();
    return byte;
  }

  #key(): string {
    const start = this.#at;
    this.#skipString();
    const text = this.#raw.toString("utf8", start + 1, this.#at - 1);
    if (!text.includes("\\")) return text;
    try {
      return JSON.parse(`"${text}"`) as string;
    } catch {
      throw invalid();
    }
  }

  #skipValue(): void {
    const raw = this.#raw;
    let depth = 0;
    do {
      const byte = this.#next();
      if (byte === QUOTE) this.#skipString();
      else if (byte === OPEN_BRACE || byte === 0x5b) {
        depth++;
        this.#at++;
      } else if (byte === CLOSE_BRACE || byte === 0x5d) {
        depth--;
        this.#at++;
      } else if (byte === COMMA || byte === COLON) this.#at++;
      else while (this.#at < raw.length && !endsScalar(raw[this.#at])) this.#at++;
    } while (depth > 0);
    if (depth < 0) throw invalid();
  }

  /** A quote ends the string unless an odd number of backslashes stands before it. */
  #skipString(): void {
    const raw = this.#raw;
    let quote = this.#at;
    for (;;) {
      const from = quote + 1;
      quote = raw.indexOf(QUOTE, from);
      if (quote === -1) throw invalid();
      let slash = quote - 1;
      while (slash >= from && raw[slash] === BACKSLASH) slash--;
      if ((quote - 1 - slash) % 2 === 0) break;
    }
    this.#at = quote + 1;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === 0x5d || isSpace(byte);
}

function invalid(): BadRequest {
  return new BadRequest("body", "a JSON object");
}
