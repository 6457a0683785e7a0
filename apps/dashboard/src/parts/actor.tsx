import { Code } from "@mantine/core";
import { useOperation } from "../api/use-operation.ts";

const MEMBER = "member:";
const MEMBERS_MAX = 1000;

/** Who did something. The ledger knows members by an id that never changes and says nothing of them; their names alone are told to every member. */
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
  const { data } = useOperation("listMemberNames", { query: { limit: MEMBERS_MAX } });
  return new Map(data?.names.map(({ id, name }) => [id, name]));
}
