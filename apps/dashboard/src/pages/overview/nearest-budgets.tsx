import { Anchor, Skeleton, Stack, Text } from "@mantine/core";
import type { Limit } from "@tollhouse/contract/control-client";
import { Link } from "@tanstack/react-router";
import { LimitBar } from "../../parts/limit-bar.tsx";
import { WINDOW_WORDS } from "../../parts/limit-words.ts";
import { Panel } from "../../parts/panel.tsx";
import { Scope } from "../../parts/scope.tsx";

/** `undefined`: not known yet. */
export function NearestBudgets({ limits }: { readonly limits: readonly Limit[] | undefined }) {
  return (
    <Panel title="Budgets nearest their end">
      {limits === undefined && <Skeleton h={200} />}
      {limits?.length === 0 && (
        <Text size="sm" c="dimmed">
          No budget is used yet. <LimitsLink>Make one</LimitsLink>, and no call of its scope spends more than it has.
        </Text>
      )}
      <Stack gap="md">
        {limits?.map(({ id, scope, measure, amount, window, mode, state }) => (
          <div key={id}>
            <Text size="sm" component="div">
              <Scope scope={scope} /> <span>{WINDOW_WORDS[window]}</span>
              {mode === "soft" && <span>, warns only</span>}
            </Text>
            <LimitBar label={scope} measure={measure} amount={amount} state={state} />
          </div>
        ))}
      </Stack>
    </Panel>
  );
}

function LimitsLink({ children }: { readonly children: string }) {
  return <Anchor renderRoot={(props) => <Link {...props} to="/limits" />}>{children}</Anchor>;
}
