import { Alert, Anchor, Center, Code, Grid, Loader, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMay } from "../../api/session.ts";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { CallAttempts } from "./call-attempts.tsx";
import { CallFacts } from "./call-facts.tsx";
import { CallLimits } from "./call-limits.tsx";
import { CallPolicy } from "./call-policy.tsx";
import { CallSteps } from "./call-steps.tsx";
import { CallTexts } from "./call-texts.tsx";
import { CallUsage } from "./call-usage.tsx";
import { LedgerEntry } from "./ledger-entry.tsx";

const route = getRouteApi("/calls/$decision");

/** Why one call was let through or blocked, and what became of it. */
export function CallPage() {
  const { decision: id } = route.useParams();
  const mayRead = useMay("payloads");
  const { data: decision, error } = useOperation("getDecision", { params: { id } });
  if (decision === undefined)
    return (
      <Page title="Call">
        {error === null ? (
          <Center mih={240}>
            <Loader aria-label="Loading: the call" />
          </Center>
        ) : (
          <ProblemAlert error={error} />
        )}
      </Page>
    );
  return (
    <Page title={decision.allowed ? "Call" : "Blocked call"}>
      <Grid>
        <Grid.Col span={12}>
          <Code>{decision.decision}</Code>
        </Grid.Col>
        {decision.reason_code !== null && (
          <Grid.Col span={12}>
            <Reason decision={decision} />
          </Grid.Col>
        )}
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <CallFacts decision={decision} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <CallSteps steps={decision.steps} />
        </Grid.Col>
        <Grid.Col span={12}>
          <CallLimits limits={decision.limits} required={decision.required} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <CallUsage decision={decision} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <LedgerEntry decision={decision.decision} entry={decision.entry} />
        </Grid.Col>
        <Grid.Col span={12}>
          <CallAttempts attempts={decision.attempts} />
        </Grid.Col>
        {mayRead && (
          <Grid.Col span={12}>
            <CallTexts decision={decision.decision} />
          </Grid.Col>
        )}
        {decision.policy !== null && (
          <Grid.Col span={12}>
            <CallPolicy policy={decision.policy} />
          </Grid.Col>
        )}
      </Grid>
    </Page>
  );
}

/** In words, with what to do; the code for whoever searches for it. */
function Reason({ decision }: { readonly decision: Decision }) {
  const { allowed, reason_code, title, next, anomaly_rule } = decision;
  return (
    <Alert color={allowed ? "yellow" : "red"} variant="light" title={title ?? reason_code}>
      <Text size="sm">{next}</Text>
      {anomaly_rule !== null && (
        <Text size="sm">
          The rule that saw it: <Code>{anomaly_rule}</Code>
        </Text>
      )}
      {decision.limits.some(({ deciding }) => deciding) && (
        <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/limits" />}>
          Budgets &amp; limits
        </Anchor>
      )}
      <Text size="xs" mt={4}>
        Reason code <Code>{reason_code}</Code>
      </Text>
    </Alert>
  );
}
