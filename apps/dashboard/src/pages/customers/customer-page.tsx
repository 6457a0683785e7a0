import { Stack, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";
import { BlockSomebody } from "../kill-switch/block-somebody.tsx";
import { CreateLimit } from "../limits/create-limit.tsx";
import { SpentByModel } from "../sessions/spent-by-model.tsx";
import { ChangePlan } from "../users/change-plan.tsx";
import { OwnBlocks } from "../users/own-blocks.tsx";
import { OwnLimits } from "../users/own-limits.tsx";
import { usePlanOf } from "../users/plan-of.ts";
import { SpenderActions } from "../users/spender-actions.tsx";

type Asked = "block" | "limit" | "plan" | null;

/** One customer: its plan, what it may and what it spends, and the way to stop it. */
export function CustomerPage() {
  const { customer } = useParams({ from: "/customers/$customer" });
  const scope = `customer:${customer}`;
  const [asked, setAsked] = useState<Asked>(null);
  const { plan, error } = usePlanOf("customer", customer);
  const limits = useOperation("listLimits", { query: { scope } });
  const close = () => setAsked(null);
  return (
    <Page title={`Customer ${customer}`} actions={<SpenderActions ask={setAsked} />}>
      <Stack gap="xl">
        <Section title="Plan">
          <ProblemAlert error={error} />
          {plan !== undefined && <PlanWords plan={plan} />}
        </Section>
        <ProblemAlert error={limits.error} />
        {limits.data !== undefined && <OwnLimits scope={scope} limits={limits.data.limits} />}
        <OwnBlocks scope={scope} />
        <SpentByModel dimension="customer" value={customer} />
      </Stack>
      {asked === "block" && <BlockSomebody scope={scope} onClose={close} />}
      {asked === "limit" && <CreateLimit scope={scope} onClose={close} />}
      {asked === "plan" && <ChangePlan holder="customer" id={customer} onClose={close} />}
    </Page>
  );
}

function PlanWords({ plan }: { readonly plan: string | null }) {
  if (plan === null)
    return <Text size="sm">On none: what its calls say, or the plan that a user of it was put on.</Text>;
  return (
    <Text size="sm">
      <strong>{plan}</strong>, whatever its calls say; a user of it who was put on another plan stays on that one.
    </Text>
  );
}
