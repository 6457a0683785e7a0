import { Button, Menu, Text, useMantineColorScheme } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { askPath } from "../api/control-api.ts";
import type { Session } from "../api/session.ts";
import { ChangePassword } from "./change-password.tsx";

const SCHEMES = [
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
  { value: "auto", label: "As the system" },
] as const;

/** Who is signed in, how it looks, and the way out. */
export function AccountMenu({ session }: { readonly session: Session }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const client = useQueryClient();
  const [isChanging, setIsChanging] = useState(false);
  // What was read as this member must not be shown to the next one.
  const end = useMutation({
    mutationFn: () => askPath("/api/v1/session/end", { method: "POST", body: {} }),
    onSuccess: () => {
      client.clear();
      location.assign("/dashboard");
    },
  });
  const name = session.member?.name ?? session.actor;
  return (
    <>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <Button variant="default" size="compact-md" maw={180} aria-label={`Account: ${name}`}>
            <Text size="sm" truncate>
              {name}
            </Text>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {session.member === null ? session.actor : `${session.member.email}, ${session.member.role}`}
          </Menu.Label>
          <Menu.Divider />
          <Menu.Label>Colours</Menu.Label>
          {SCHEMES.map(({ value, label }) => (
            <Menu.Item
              key={value}
              role="menuitemradio"
              aria-checked={colorScheme === value}
              fw={colorScheme === value ? 700 : 400}
              onClick={() => setColorScheme(value)}
            >
              {label}
            </Menu.Item>
          ))}
          <Menu.Divider />
          {session.member !== null && <Menu.Item onClick={() => setIsChanging(true)}>Change your password</Menu.Item>}
          <Menu.Item onClick={() => end.mutate()}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {isChanging && <ChangePassword onClose={() => setIsChanging(false)} />}
    </>
  );
}
