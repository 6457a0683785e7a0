import { Stack } from "@mantine/core";
import { Page } from "../../frame/page.tsx";
import { AnomalyRules } from "./anomaly-rules.tsx";
import { Environments } from "./environments.tsx";
import { PayloadLogging } from "./payload-logging.tsx";
import { ProviderKeys } from "./provider-keys.tsx";
import { Retention } from "./retention.tsx";

/** What is changed rarely: of the tenant first, then of the environment that is chosen above. */
export function SettingsPage() {
  return (
    <Page title="Settings">
      <Stack gap="lg">
        <Environments />
        <ProviderKeys />
        <AnomalyRules />
        <PayloadLogging />
        <Retention />
      </Stack>
    </Page>
  );
}
