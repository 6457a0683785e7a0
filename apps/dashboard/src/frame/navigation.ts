import type { LinkProps } from "@tanstack/react-router";
import type { Permission } from "../api/session.ts";

export interface NavigationPage {
  readonly label: string;
  readonly to: NonNullable<LinkProps["to"]>;
  /** Whoever may not do this finds nothing there. */
  readonly needs?: Permission;
}

export interface NavigationGroup {
  readonly label: string;
  readonly pages: readonly NavigationPage[];
}

/** What stands at the side of every page, by what somebody comes for. */
export const NAVIGATION: readonly NavigationGroup[] = [
  {
    label: "Spend",
    pages: [
      { label: "Overview", to: "/" },
      { label: "Explore", to: "/explore" },
      { label: "Calls", to: "/calls" },
    ],
  },
  {
    label: "Who",
    pages: [
      { label: "Sessions", to: "/sessions" },
      { label: "Users", to: "/users" },
      { label: "Customers", to: "/customers" },
    ],
  },
  {
    label: "Control",
    pages: [
      { label: "Budgets & limits", to: "/limits" },
      { label: "Policies", to: "/policies" },
      { label: "Kill switch", to: "/kill-switch" },
    ],
  },
  {
    label: "Set-up",
    pages: [
      { label: "Keys", to: "/keys" },
      { label: "Prices", to: "/prices" },
    ],
  },
  {
    label: "Proof",
    pages: [
      { label: "Ledger", to: "/ledger" },
      { label: "Audit", to: "/audit" },
    ],
  },
  {
    label: "Installation",
    pages: [
      { label: "System", to: "/system", needs: "installation" },
      { label: "Members", to: "/members", needs: "members" },
      { label: "Settings", to: "/settings" },
    ],
  },
];
