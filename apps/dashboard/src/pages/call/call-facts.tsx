import { Anchor, Code } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CallOutcome } from "../../parts/call-outcome.tsx";
import { DIMENSIONS_SHOWN } from "../../parts/call-words.ts";
import { Facts } from "../../parts/facts.tsx";
import { groupLabel, type Group } from "../../parts/groups.ts";
import { Moment } from "../../parts/moment.tsx";
import { Money } from "../../parts/money.tsx";
import { Panel } from "../../parts/panel.tsx";

type Fact = readonly [name: string, value: ReactNode];

/** What is not known of a call takes no line. */
function told(facts: readonly Fact[]): readonly Fact[] {
  return facts.filter(([, value]) => value !== null);
}

interface CallFactsProps {
  readonly decision: Decision;
}

export function CallFacts({ decision }: CallFactsProps) {
  const { dimensions } = decision;
  return (
    <Panel title="What it was">
      <Facts
        of={told([
          ["Decided", <Moment at={decision.time} />],
          ["Ended", <CallOutcome outcome={decision.outcome} reason={decision.reason_code} />],
          ["Model", <Related group="model" value={decision.model} />],
          ["Provider", <Related group="provider" value={decision.provider} />],
          ["Endpoint", decision.endpoint],
          ["Environment", decision.environment],
          ["Key", decision.key === null ? "none" : <Related group="key" value={decision.key} />],
          ...DIMENSIONS_SHOWN.map((name): Fact => [
            groupLabel(name),
            dimensions[name] === undefined ? null : <Related group={name} value={dimensions[name]} />,
          ]),
          ["Cost", <Money usd={decision.cost} />],
          ["Reserved before", decision.reserved === null ? null : <Money usd={decision.reserved} />],
        ])}
      />
    </Panel>
  );
}

/** A value that other calls have too: it leads to them. */
function Related({ group, value }: { readonly group: Group; readonly value: string | null }) {
  if (value === null) return "–";
  return (
    <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/calls" search={{ [group]: value }} />}>
      <Code>{value}</Code>
    </Anchor>
  );
}
