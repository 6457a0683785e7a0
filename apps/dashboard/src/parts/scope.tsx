import { Anchor, Code, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";

export const SCOPE_KINDS = [
  "org",
  "session",
  "agent",
  "feature",
  "service",
  "user",
  "team",
  "customer",
  "key",
  "model",
  "provider",
] as const;
export type ScopeKind = (typeof SCOPE_KINDS)[number];

/** `session:a:b` → session, `a:b`. What is no scope of ours counts as one of the whole tenant's for nobody: it is shown as it is. */
export function splitScope(scope: string): { readonly kind: string; readonly value: string } {
  const colon = scope.indexOf(":");
  return colon < 0 ? { kind: scope, value: "" } : { kind: scope.slice(0, colon), value: scope.slice(colon + 1) };
}

/** What something applies to: its kind, and its name, which leads to its page where there is one. */
export function Scope({ scope }: { readonly scope: string }) {
  const { kind, value } = splitScope(scope);
  if (kind === "org")
    return (
      <Text size="sm" span>
        the whole organisation
      </Text>
    );
  return (
    <Text size="sm" span style={{ whiteSpace: "nowrap" }}>
      {kind} <ScopeValue kind={kind} value={value} />
    </Text>
  );
}

function ScopeValue({ kind, value }: { readonly kind: string; readonly value: string }) {
  if (kind === "user")
    return (
      <Anchor renderRoot={(props) => <Link {...props} to="/users/$user" params={{ user: value }} />}>
        <Code>{value}</Code>
      </Anchor>
    );
  if (kind === "customer")
    return (
      <Anchor renderRoot={(props) => <Link {...props} to="/customers/$customer" params={{ customer: value }} />}>
        <Code>{value}</Code>
      </Anchor>
    );
  if (kind !== "session") return <Code>{value}</Code>;
  return (
    <Anchor renderRoot={(props) => <Link {...props} to="/sessions/$session" params={{ session: value }} />}>
      <Code>{value}</Code>
    </Anchor>
  );
}
