import { Badge } from "@mantine/core";
import type { Policy } from "@tollhouse/contract/control-client";

/** Whether a policy decides, or only says in decisions what it would have done. */
export function PolicyMode({ mode }: Pick<Policy, "mode">) {
  return mode === "enforce" ? (
    <Badge variant="light" miw="max-content" title="It decides">
      enforce
    </Badge>
  ) : (
    <Badge
      variant="light"
      color="gray"
      miw="max-content"
      title="It decides nothing: what it would have done stands in each decision"
    >
      observe
    </Badge>
  );
}
