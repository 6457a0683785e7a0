import { Code, Stack, Text } from "@mantine/core";
import { Page } from "../../frame/page.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";

/** Where nothing was ever spent there is one thing to do. */
export function FirstCall() {
  const { origin } = location;
  return (
    <Page title="Overview">
      <EmptyState title="No call has come through here yet">
        <Stack gap="sm">
          <Text size="sm">Point a client at this address by its base URL; nothing else in your program changes.</Text>
          <Code block ta="left" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {`export OPENAI_BASE_URL=${origin}/v1\nexport ANTHROPIC_BASE_URL=${origin}\nexport GOOGLE_GEMINI_BASE_URL=${origin}`}
          </Code>
          <Text size="sm">The page fills as the first call ends.</Text>
        </Stack>
      </EmptyState>
    </Page>
  );
}
