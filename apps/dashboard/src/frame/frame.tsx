import { AppShell, Burger, Group, NavLink, ScrollArea, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, useLocation } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { useLive } from "../api/live.ts";
import type { Session } from "../api/session.ts";
import { AccountMenu } from "./account-menu.tsx";
import styles from "./frame.module.css";
import { NAVIGATION } from "./navigation.ts";
import { PlacePicker } from "./place-picker.tsx";

/** Header, navigation and the page in the middle. On a phone the navigation folds away behind its button. */
export function Frame({ session, children }: { readonly session: Session; readonly children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  useLive();
  useEffect(close, [pathname, close]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "md", lg: "xl" }}
    >
      <a href="#page" className={styles["skip"]}>
        Skip to the page
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Navigation"
              aria-expanded={opened}
            />
            <Text fw={700} component="span">
              Tollhouse
            </Text>
          </Group>
          <Group gap="sm" wrap="nowrap">
            <PlacePicker session={session} />
            <AccountMenu session={session} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {/* On a phone, and on most desks, the last pages stand below the edge: its bar is what says so. */}
        <ScrollArea type="auto" scrollbarSize={6} offsetScrollbars="present" flex={1}>
          {NAVIGATION.map(({ label, pages }) => (
            <section key={label} aria-label={label} className={styles["group"]}>
              <Text size="xs" c="dimmed" fw={600} px="sm" pb={4}>
                {label}
              </Text>
              {pages
                .filter(({ needs }) => needs === undefined || session.permissions.includes(needs))
                .map((page) => (
                  <NavLink
                    key={page.to}
                    label={page.label}
                    active={isAt(pathname, page.to)}
                    aria-current={isAt(pathname, page.to) ? "page" : undefined}
                    renderRoot={(props) => <Link {...props} to={page.to} />}
                  />
                ))}
            </section>
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="page" tabIndex={-1} className={styles["main"]}>
        {children}
      </AppShell.Main>
    </AppShell>
  );
}

function isAt(pathname: string, to: string): boolean {
  return to === "/" ? pathname === "/" || pathname === "" : pathname === to || pathname.startsWith(`${to}/`);
}
