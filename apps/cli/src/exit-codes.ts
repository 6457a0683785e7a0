/** What a script can trust: each code has one meaning, and none is used for two. */
export const EXIT = {
  done: { code: 0, meaning: "done" },
  no: {
    code: 1,
    meaning: "the answer is no: a ledger that does not verify, a policy that differs, a check of `doctor` that failed",
  },
  usage: { code: 2, meaning: "the command line is wrong, or asks for a confirmation that nobody can give (`--yes`)" },
  access: { code: 3, meaning: "no key, a wrong one, or one without the permission (401, 403)" },
  missing: { code: 4, meaning: "there is nothing of this name or id (404)" },
  conflict: { code: 5, meaning: "it is there already, or somebody else changed it meanwhile (409, 412)" },
  refused: { code: 6, meaning: "refused for another reason, which is said (400 and other 4xx)" },
  unavailable: { code: 7, meaning: "not reachable, not ready, or failed on the server's side (5xx, no connection)" },
  interrupted: { code: 130, meaning: "ended by Ctrl-C before it was done, or a question by Ctrl-D" },
} as const;

export type Exit = keyof typeof EXIT;

export function exitOfStatus(status: number): Exit {
  if (status === 401 || status === 403) return "access";
  if (status === 404) return "missing";
  if (status === 409 || status === 412) return "conflict";
  return status >= 500 ? "unavailable" : "refused";
}

/** Ends a command with one line; not a bug of ours. */
export class CommandFailed extends Error {
  override readonly name: string = "CommandFailed";
  readonly exit: Exit;
  /** What to do about it, in a sentence of its own; null = the message says it, or nobody knows. */
  readonly next: string | null;
  constructor(exit: Exit, message: string, next: string | null = null) {
    super(message);
    this.exit = exit;
    this.next = next;
  }
}
