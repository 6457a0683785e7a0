import type { ConfigurationChange } from "@tollhouse/store";
import type { Stale } from "./refresh-services.ts";

/** Changes of one subject in one place, read anew together. */
export interface StalePart extends Stale {
  /** The first of its changes. */
  readonly version: bigint;
}

/** Read at the same time, but for blocks: a stop waits for nothing. */
const AT_ONCE = 8;

/**
 * What was changed and is not read yet. A part is read by one at a time; what comes to it meanwhile, or what could not be read, waits
 * for the next. Parts of a tenant wait for the tenant itself: it may have to be loaded first.
 */
export class StaleParts {
  readonly #waiting = new Map<string, StalePart>();
  readonly #running = new Map<string, StalePart>();
  /** Those that could not be read; not tried before `retry`. */
  readonly #failed = new Set<string>();

  add({ version, tenant, environment, subject, ids }: ConfigurationChange | StalePart): void {
    const name = nameOf({ tenant, environment, subject });
    const before = this.#waiting.get(name);
    const all = ids === null || before?.ids === null;
    this.#waiting.set(name, {
      tenant,
      environment,
      subject,
      ids: all ? null : [...new Set([...(before?.ids ?? []), ...ids])],
      version: before === undefined || version < before.version ? version : before.version,
    });
  }

  /** Parts that may be read now; each is given back by `done` or `failed`. */
  take(): StalePart[] {
    const taken: StalePart[] = [];
    for (const [name, part] of this.#waiting) {
      if (this.#running.has(name) || this.#failed.has(name) || this.#waitsForTenant(part)) continue;
      if (part.subject !== "blocks" && this.#running.size >= AT_ONCE) continue;
      this.#waiting.delete(name);
      this.#running.set(name, part);
      taken.push(part);
    }
    return taken;
  }

  done(part: StalePart): void {
    this.#running.delete(nameOf(part));
  }

  failed(part: StalePart): void {
    this.#running.delete(nameOf(part));
    this.add(part);
    this.#failed.add(nameOf(part));
  }

  /** Those that failed may be taken again. */
  retry(): void {
    this.#failed.clear();
  }

  /** Everything up to here is read, of what was added; null = everything is. */
  get readUpTo(): bigint | null {
    let first: bigint | null = null;
    for (const parts of [this.#waiting, this.#running])
      for (const { version } of parts.values()) if (first === null || version < first) first = version;
    return first === null ? null : first - 1n;
  }

  #waitsForTenant({ tenant, subject }: StalePart): boolean {
    if (subject === "tenants") return false;
    return [tenant, null].some((of) => {
      const name = nameOf({ tenant: of, environment: null, subject: "tenants" });
      return this.#waiting.has(name) || this.#running.has(name);
    });
  }
}

function nameOf({ tenant, environment, subject }: Pick<StalePart, "tenant" | "environment" | "subject">): string {
  return `${tenant ?? ""} ${environment ?? ""} ${subject}`;
}
