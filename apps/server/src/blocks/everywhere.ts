import type { BlockCreate, RunningCall, Scope } from "@tollhouse/contract";
import type {
  KillSwitchEverywhere,
  KillSwitchLifted,
  KillSwitchPreviewEverywhere,
} from "../control/endpoints/blocks.ts";
import { reasonOf } from "../control/control-api.ts";
import type { BlockService } from "./block-service.ts";
import { RUNNING_SHOWN_MAX } from "./block-service.ts";

/** The environments of a tenant, by name. */
export type Everywhere = ReadonlyMap<string, Pick<BlockService, "create" | "lift" | "list" | "preview">>;

/**
 * Not all or nothing: where most can be stopped, nothing is gained by letting them go on because one cannot. Where none can, the
 * first reason is thrown; otherwise each that could not is named.
 */
export async function killEverywhere(
  everywhere: Everywhere,
  input: BlockCreate,
  actor: string,
): Promise<KillSwitchEverywhere> {
  const tried = await inEach(everywhere, async (blocks) => [await blocks.create("kill_switch", input, actor)]);
  return { kill_switches: tried.done, not_changed: tried.failed };
}

/** Lifts all of the scope, each environment's own ones included. */
export async function liftEverywhere(everywhere: Everywhere, scope: Scope, actor: string): Promise<KillSwitchLifted> {
  const tried = await inEach(everywhere, async (blocks) => {
    const own = blocks.list("kill_switch").filter((block) => block.scope === scope);
    for (const { id } of own) await blocks.lift("kill_switch", id, actor);
    return own.map(({ id }) => ({ id }));
  });
  return { lifted: tried.done, not_changed: tried.failed };
}

export async function previewEverywhere(everywhere: Everywhere, scope: Scope): Promise<KillSwitchPreviewEverywhere> {
  const running: RunningCall[] = [];
  const environments: KillSwitchPreviewEverywhere["environments"] = [];
  for (const [environment, blocks] of everywhere) {
    const hit = await blocks.preview(scope);
    const { calls_last_hour, running_calls } = hit;
    environments.push({ environment, calls_last_hour, running_calls });
    running.push(...hit.running);
  }
  running.sort((a, b) => (a.decision < b.decision ? -1 : 1));
  const sum = (name: "calls_last_hour" | "running_calls"): number =>
    environments.reduce((total, each) => total + each[name], 0);
  return {
    scope,
    calls_last_hour: sum("calls_last_hour"),
    running_calls: sum("running_calls"),
    running: running.slice(0, RUNNING_SHOWN_MAX),
    environments,
  };
}

interface Tried<T> {
  readonly done: (T & { readonly environment: string })[];
  readonly failed: { environment: string; reason_code: string; detail: string }[];
}

/** At once, not one after another: a stop must not wait for the environment before it. */
async function inEach<T>(
  everywhere: Everywhere,
  change: (blocks: Everywhere extends ReadonlyMap<string, infer S> ? S : never) => Promise<T[]>,
): Promise<Tried<T>> {
  const tried: Tried<T> = { done: [], failed: [] };
  let first: unknown;
  await Promise.all(
    [...everywhere].map(async ([environment, blocks]) => {
      try {
        for (const one of await change(blocks)) tried.done.push({ environment, ...one });
      } catch (error) {
        first ??= error;
        const { code, message } = reasonOf(error);
        tried.failed.push({ environment, reason_code: code, detail: message });
      }
    }),
  );
  if (tried.failed.length === everywhere.size) throw first;
  return tried;
}
