import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import type { Member, MemberMade } from "@tollhouse/contract/control-client";
import { json, ran, type RanOptions } from "../cli-fixture.ts";

let server: StartedTollhouse;
beforeAll(async () => {
  server = await startedTollhouse();
});
afterAll(() => server.stop());

const cli = (args: string | readonly string[], options: RanOptions = {}) => ran(server.url, args, options);
const PASSWORD = "correct horse battery staple";

async function signIn(email: string, password: string): Promise<number> {
  const response = await fetch(`${server.url}/api/sign-in/password`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  await response.text();
  return response.status;
}

test("a member is made with a one-time text, changed, disabled, enabled and deleted from a terminal", async () => {
  const made = await cli("members create ada@example.com --role operator --name Ada");
  expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^0{31}1\.mem_\w{16}\.[\w-]{43}\n$/)]);
  expect(made.err).toContain("/dashboard/invitation#");
  const [, id = ""] = made.out.split(".");
  expect((await cli(`members show ${id}`)).out).toMatch(/^state +invited$/m);
  expect(await json<Member>(server.url, `members change ${id} --role admin --if-version 1`)).toMatchObject({
    role: "admin",
    version: 2,
  });
  expect((await cli(`members change ${id} --role viewer --if-version 1`)).code).not.toBe(0);
  expect(await json<Member>(server.url, `members disable ${id}`)).toMatchObject({ state: "disabled" });
  expect(await json<Member>(server.url, `members enable ${id}`)).toMatchObject({ state: "invited" });
  const { invitation } = await json<MemberMade>(server.url, `members invite ${id} --yes`);
  expect(invitation?.token.split(".")[1]).toBe(id);
  expect((await cli("members list", { columns: 80 })).out).toMatch(new RegExp(`^${id} .* admin +invited`, "m"));
  expect((await cli(`members delete ${id}`)).code).not.toBe(0);
  expect((await cli(`members delete ${id} --yes`)).out).toBe(`Deleted ${id}\n`);
  expect((await cli(`members show ${id}`)).err).toContain("There is no member");
});

test("a first password comes on standard input, and is in no output", async () => {
  const made = await cli("members create bob@example.com --role owner --with-password", { stdin: `${PASSWORD}\n` });
  expect([made.code, made.out + made.err]).toEqual([0, expect.stringMatching(/^mem_\w{16}\n$/)]);
  expect(await signIn("bob@example.com", PASSWORD)).toBe(200);
  const last = await cli(`members delete ${made.out.trim()} --yes`);
  expect([last.code === 0, last.err]).toEqual([false, expect.stringContaining("only owner")]);
});

test("whoami says whose key it is and what it may", async () => {
  expect((await cli("whoami")).out).toMatch(/^actor +admin-key$/m);
  const key = (await cli("keys create k --permissions read")).out.trim();
  const { out } = await cli("whoami", { env: { TOLLHOUSE_KEY: key } });
  expect(out).toMatch(/^actor +key_\w+$/m);
  expect(out).toMatch(/^may +read$/m);
});
