import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Page } from "./page.tsx";

export function NotFound() {
  return (
    <Page title="There is no such page">
      <Text>
        The address may be mistyped, or from another version of Tollhouse.{" "}
        <Anchor renderRoot={(props) => <Link {...props} to="/" />}>Go to the overview</Anchor>
      </Text>
    </Page>
  );
}
