import { Button, Menu } from "@mantine/core";
import type { Session } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { hasDefault, SessionAction, type SessionActionName } from "./session-action.tsx";

interface SessionMenuProps {
  readonly of: Pick<Session, "session" | "state" | "budgets">;
}

/** What one can do with a session of a list. */
export function SessionMenu({ of }: SessionMenuProps) {
  const { session, state } = of;
  const [asked, setAsked] = useState<SessionActionName | null>(null);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="compact-sm" variant="default" aria-label={`Actions for session ${session}`}>
            …
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {state === "active" ? (
            <Menu.Item onClick={() => setAsked("freeze")}>Freeze</Menu.Item>
          ) : (
            <Menu.Item onClick={() => setAsked("unfreeze")}>Unfreeze</Menu.Item>
          )}
          {hasDefault(of) && <Menu.Item onClick={() => setAsked("reset")}>Reset its budget</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      {asked !== null && <SessionAction asked={asked} session={session} onClose={() => setAsked(null)} />}
    </>
  );
}
