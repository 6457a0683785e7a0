import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { useMay } from "../../api/session.ts";

interface SpenderActionsProps {
  readonly ask: (asked: "limit" | "plan" | "block") => void;
  /** What else may be done by those who may change its plan. */
  readonly children?: ReactNode;
}

/** What is done with a user or a customer, as far as the viewer may. */
export function SpenderActions({ ask, children }: SpenderActionsProps) {
  const mayOperate = useMay("operate");
  const mayManage = useMay("manage");
  return (
    <>
      {mayManage && (
        <>
          <Button variant="default" onClick={() => ask("limit")}>
            Create a limit
          </Button>
          <Button variant="default" onClick={() => ask("plan")}>
            Change plan
          </Button>
          {children}
        </>
      )}
      {mayOperate && (
        <Button color="red" onClick={() => ask("block")}>
          Block
        </Button>
      )}
    </>
  );
}
