import { Code, Text } from "@mantine/core";
import type { Policy } from "@tollhouse/contract/control-client";
import { Scope } from "../../parts/scope.tsx";

/** Whose calls a policy is about. */
export function AttachedTo({ attach }: Pick<Policy, "attach">) {
  if (attach === "default")
    return (
      <Text size="sm" span style={{ whiteSpace: "nowrap" }}>
        every call
      </Text>
    );
  const { user, feature, plan } = attach;
  if (user !== undefined) return <Scope scope={`user:${user}`} />;
  if (feature !== undefined) return <Scope scope={`feature:${feature}`} />;
  return (
    <Text size="sm" span style={{ whiteSpace: "nowrap" }}>
      who is on plan <Code>{plan}</Code>
    </Text>
  );
}
