import type { LinkProps } from "@tanstack/react-router";

export interface NavigationGroup {
  readonly label: string;
  readonly pages: readonly { readonly label: string; readonly to: NonNullable<LinkProps["to"]> }[];
}

/** What stands at the side of every page, by what somebody comes for. */
export const NAVIGATION: readonly NavigationGroup[] = [
  { label: "Spend", pages: [{ label: "Overview", to: "/" }] },
  {
    label: "Who",
    pages: [
      { label: "Sessions", to: "/sessions" },
      { label: "Users", to: "/users" },
    ],
  },
  {
    label: "Control",
    pages: [
      { label: "Budgets & limits", to: "/limits" },
      { label: "Kill switch", to: "/kill-switch" },
    ],
  },
  {
    label: "Set-up",
    pages: [{ label: "Keys", to: "/keys" }],
  },
];
