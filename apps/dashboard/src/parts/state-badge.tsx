import { Badge } from "@mantine/core";

export type Tone = "good" | "look" | "bad" | "quiet";

const COLOURS: { readonly [T in Tone]: string } = { good: "toll", look: "yellow", bad: "red", quiet: "gray" };

/** How something is, in a word. The colour is a dot beside it: the word is as legible as any, and says it alone. */
export function StateBadge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <Badge variant="dot" color={COLOURS[tone]} tt="none" fw={500} radius="sm" miw="max-content">
      {children}
    </Badge>
  );
}
