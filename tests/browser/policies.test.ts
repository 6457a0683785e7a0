import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

const DRAFT = {
  name: "cheap models only",
  attach: "default",
  priority: 0,
  mode: "observe",
  models: { allow: ["gpt-4o-mini"] },
};

interface Policies {
  readonly policies: readonly { readonly id: string; readonly mode: string; readonly version: number }[];
}

async function call(): Promise<number> {
  const answer = await fetch(`${dashboard.world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": "run-1" },
    body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test("a policy is written, its mistakes named by their line, rehearsed on calls that were made, and enforced", async () => {
  const page = await dashboard.signedIn("admin", { at: "/policies", expects: /400/ });
  await page.getByRole("link", { name: "Write a policy" }).click();
  const text = page.getByRole("textbox", { name: "The policy" });
  expect(await text.inputValue()).toMatch(/^name: cheap models for everybody\nattach: default\n/);
  await page.getByRole("radiogroup", { name: "Written as" }).getByText("JSON").click();
  expect(JSON.parse(await text.inputValue())).toMatchObject({ attach: "default", mode: "observe" });
  await text.fill("name: a\nmode observe\npriority: 0");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").getByRole("button", { name: "line 2" }).waitFor();
  await text.fill('{\n  "name": "a"\n  "mode": "observe"\n}');
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").getByRole("button", { name: "line 3" }).waitFor();
  await text.fill(JSON.stringify({ ...DRAFT, models: { allow: "gpt-4o-mini" } }, null, 2));
  await page.getByRole("button", { name: "Create" }).click();
  await page
    .getByRole("alert")
    .getByText(/models\.allow/)
    .waitFor();
  await shot(page, "policy-editor");
  await page.getByRole("alert").getByRole("button", { name: "line 7" }).click();
  expect(await page.evaluate("getSelection().toString().trim()")).toBe('"allow": "gpt-4o-mini"');

  await text.fill(JSON.stringify(DRAFT, null, 2));
  await page.getByRole("button", { name: "Rehearse" }).click();
  // Three calls of the traffic were of another model.
  await page.getByText("3: The policy does not allow this model").waitFor();
  await page.getByRole("button", { name: "Create" }).click();

  await page.getByRole("heading", { level: 1, name: "cheap models only" }).waitFor();
  await page.getByRole("row", { name: "Models only gpt-4o-mini" }).waitFor();
  expect(await call()).toBe(200);
  await page.getByRole("button", { name: "Enforce" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Enforce" }).click();
  await page.getByText(/Version 2/).waitFor();
  expect(await call()).toBe(403);

  const changed = page.getByRole("region", { name: "What was changed" });
  await changed.getByText('removed: "mode": "observe",').waitFor();
  await changed.getByText('added: "mode": "enforce",').waitFor();
  await page.getByRole("button", { name: "Rehearse" }).click();
  await page.getByText("What it takes for granted").waitFor();
  expect(await page.getByRole("link", { name: /^dec_/ }).first().getAttribute("href")).toMatch(
    /^\/dashboard\/calls\/dec_/,
  );
  await shot(page, "policy");

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "No policies yet" }).waitFor();
  expect(await call()).toBe(200);
});

test("what somebody else wrote meanwhile is not overwritten; who may only look finds no button that would be refused", async () => {
  const { id } = await dashboard.world.control<{ id: string }>("POST", "/api/v1/policies", DRAFT);
  await dashboard.world.control("PUT", "/api/v1/plans/pro", { description: "who pays" });
  const page = await dashboard.signedIn("admin", { at: `/policies/${id}/edit`, expects: /409|412/ });
  const text = page.getByRole("textbox", { name: "The policy" });
  await text.fill(JSON.stringify({ ...DRAFT, priority: 7 }, null, 2));
  await dashboard.world.control("PUT", `/api/v1/policies/${id}`, { ...DRAFT, priority: 3 });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  const { policies } = await dashboard.world.control<Policies>("GET", "/api/v1/policies");
  expect(policies[0]).toMatchObject({ priority: 3, version: 2 });

  const viewer = await dashboard.signedIn("viewer", { at: "/policies" });
  await viewer.getByRole("row", { name: /cheap models only/ }).waitFor();
  await viewer.getByRole("row", { name: /who pays/ }).waitFor();
  await shot(viewer, "policies");
  expect(await viewer.getByRole("link", { name: "Write a policy" }).count()).toBe(0);
  expect(await viewer.getByRole("button", { name: /Make a plan|Delete/ }).count()).toBe(0);
  await viewer.getByRole("link", { name: "cheap models only" }).click();
  await viewer.getByRole("heading", { name: "Versions" }).waitFor();
  expect(await viewer.getByRole("button", { name: /Delete|Enforce|Rehearse/ }).count()).toBe(0);
});
