import { Button, Stack } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { ProblemError } from "../../api/problem.ts";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { BlockSomebody } from "../kill-switch/block-somebody.tsx";
import { CreateLimit } from "../limits/create-limit.tsx";
import { SpentByModel } from "../sessions/spent-by-model.tsx";
import { ChangePlan } from "./change-plan.tsx";
import { EraseUser } from "./erase-user.tsx";
import { OwnBlocks } from "./own-blocks.tsx";
import { OwnLimits } from "./own-limits.tsx";
import { SpenderActions } from "./spender-actions.tsx";
import { UserFigures } from "./user-figures.tsx";

type Asked = "block" | "limit" | "plan" | "erase" | null;

/** One user: what it spends, what it may, and the way to stop or forget it. */
export function UserPage() {
  const { user } = useParams({ from: "/users/$user" });
  const [asked, setAsked] = useState<Asked>(null);
  const { data, error } = useOperation("getUserSummary", { params: { id: user } });
  const isUnseen = error instanceof ProblemError && error.status === 404;
  const close = () => setAsked(null);
  const actions = (
    <SpenderActions ask={setAsked}>
      <Button variant="default" c="red" onClick={() => setAsked("erase")}>
        Erase
      </Button>
    </SpenderActions>
  );
  return (
    <Page title={`User ${user}`} actions={actions}>
      <Stack gap="xl">
        {isUnseen ? (
          <EmptyState title="No call of this user yet">
            Nothing of it stands in the ledger of this environment. It can be limited, blocked or put on a plan all the
            same, before its first call.
          </EmptyState>
        ) : (
          <ProblemAlert error={error} />
        )}
        {data !== undefined && !isUnseen && (
          <>
            <UserFigures summary={data} />
            <OwnLimits scope={`user:${user}`} limits={data.limits} />
          </>
        )}
        <OwnBlocks scope={`user:${user}`} />
        {data !== undefined && !isUnseen && <SpentByModel dimension="user" value={user} />}
      </Stack>
      {asked === "block" && <BlockSomebody scope={`user:${user}`} onClose={close} />}
      {asked === "limit" && <CreateLimit scope={`user:${user}`} onClose={close} />}
      {asked === "plan" && <ChangePlan holder="user" id={user} onClose={close} />}
      {asked === "erase" && <EraseUser user={user} onClose={close} />}
    </Page>
  );
}
