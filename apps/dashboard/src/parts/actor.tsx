import { Code } from "@mantine/core";
import { useMay, useSession } from "../api/session.ts";
import { useOperation } from "../api/use-operation.ts";

const MEMBER = "member:";
const MEMBERS_MAX = 1000;

/**
 * Who did something. The ledger knows members by an id that never changes and says nothing of them; their names are told to whoever may see
 * members, and everybody knows their own.
 */
export function Actor({ actor }: { readonly actor: string | null }) {
  const names = useMemberNames();
  if (actor === null) return "unknown";
  if (actor === "admin-key") return "the admin key";
  const name = actor.startsWith(MEMBER) ? names.get(actor.slice(MEMBER.length)) : undefined;
  return name === undefined ? (
    <Code style={{ whiteSpace: "nowrap" }}>{actor}</Code>
  ) : (
    <span title={actor} style={{ whiteSpace: "nowrap" }}>
      {name}
    </span>
  );
}

function useMemberNames(): ReadonlyMap<string, string> {
  const mayLook = useMay("members");
  const { data: session } = useSession();
  const { data } = useOperation("listMembers", { query: { limit: MEMBERS_MAX } }, { enabled: mayLook });
  const own = session?.member ?? null;
  return new Map([...(own === null ? [] : [own]), ...(data?.members ?? [])].map(({ id, name }) => [id, name]));
}
