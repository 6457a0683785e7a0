import { Badge } from "@mantine/core";

/** Whether a limit refuses, or only says so. */
export function LimitMode({ mode }: { readonly mode: string }) {
  return mode === "hard" ? (
    <Badge variant="light" miw="max-content" title="A call that does not fit is refused">
      hard
    </Badge>
  ) : (
    <Badge variant="light" color="gray" miw="max-content" title="A call that does not fit goes through, with an alert">
      soft
    </Badge>
  );
}
