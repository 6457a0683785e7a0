import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

interface Stops {
  readonly kill_switches: readonly {
    readonly scope: string;
    readonly reason: string;
    readonly expires_at: string | null;
  }[];
}

async function call(session: string): Promise<number> {
  const answer = await fetch(`${dashboard.world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": session, "x-tollhouse-agent": "writer" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test("traffic is stopped only after a look at who is hit, and by typing its name; lifted, it goes through again", async () => {
  const page = await dashboard.signedIn("operator", { at: "/kill-switch" });
  await page.getByRole("heading", { name: "Nothing is stopped" }).waitFor();
  await page.getByRole("button", { name: "Stop traffic" }).click();
  const form = page.getByRole("dialog", { name: "Stop traffic" });
  await form.getByRole("textbox", { name: "Which agent" }).fill("writer");
  await form.getByRole("button", { name: "See who is hit" }).click();
  // Nobody pulls it without saying why.
  await form.getByText("expected a text that says why").waitFor();
  await form.getByRole("textbox", { name: "Why" }).fill("incident 7");
  await form.getByRole("button", { name: "See who is hit" }).click();

  const last = page.getByRole("dialog", { name: "Stop it?" });
  await last.getByText(/^0 running now, \d+ let through in the last hour/).waitFor();
  const stop = last.getByRole("button", { name: "Stop it now" });
  expect(await stop.isDisabled()).toBe(true);
  await last.getByRole("textbox", { name: "Type agent:writer to confirm" }).fill("agent:write");
  expect(await stop.isDisabled()).toBe(true);
  expect(await call("run-1")).toBe(200);
  await last.getByRole("textbox").fill("agent:writer");
  await shot(page, "kill-switch-confirm");
  await stop.click();

  const row = page.getByRole("row", { name: /agent writer/ });
  await row.getByText("incident 7").waitFor();
  expect(await call("run-1")).toBe(451);
  const { kill_switches: made } = await dashboard.world.control<Stops>("GET", "/api/v1/kill-switches");
  expect(made.map(({ scope }) => scope)).toEqual(["agent:writer"]);
  // It ends by itself within the hour that the form proposes.
  expect(Date.parse(made[0]?.expires_at ?? "") - Date.now()).toBeLessThanOrEqual(3_600_000);

  await row.getByRole("button", { name: "Lift agent:writer" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Lift" }).click();
  await row.waitFor({ state: "detached" });
  expect(await call("run-1")).toBe(200);
});

test("a user is blocked for a day and unblocked; who may only look can do neither", async () => {
  const page = await dashboard.signedIn("operator", { at: "/kill-switch" });
  await page.getByRole("button", { name: "Block somebody" }).click();
  const form = page.getByRole("dialog", { name: "Block somebody" });
  await form.getByRole("textbox", { name: "Which user" }).fill("user-17");
  await form.getByRole("textbox", { name: "Why" }).fill("abuse");
  await form.getByRole("button", { name: "Block" }).click();
  const row = page.getByRole("row", { name: /user user-17/ });
  await row.getByText("abuse").waitFor();

  const viewer = await dashboard.signedIn("viewer", { at: "/kill-switch" });
  // Who did it is told by name to those who may not list members too.
  await viewer
    .getByRole("row", { name: /user user-17/ })
    .getByText("Cem Dogan")
    .waitFor();
  await shot(viewer, "kill-switch");
  for (const name of [/^Stop traffic/, /^Block somebody/, /^Unblock/])
    expect(await viewer.getByRole("button", { name }).count(), String(name)).toBe(0);

  await row.getByRole("button", { name: "Unblock user:user-17" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Unblock" }).click();
  await page.getByRole("heading", { name: "Nobody is blocked" }).waitFor();
});
