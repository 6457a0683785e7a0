import { Badge } from "@mantine/core";

export function SessionState({ state }: { readonly state: "active" | "frozen" }) {
  return (
    <Badge variant="light" color={state === "frozen" ? "red" : "toll"} miw="max-content">
      {state}
    </Badge>
  );
}
