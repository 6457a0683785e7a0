import { expect, test } from "vitest";
import { PasswordHasher } from "./password-hasher.ts";

const PASSWORD = "correct horse battery staple";

test("a hash is an argon2id PHC string with a salt of its own, that its password alone fits", async () => {
  const hasher = new PasswordHasher();
  const [one, two] = await Promise.all([hasher.hash(PASSWORD), hasher.hash(PASSWORD)]);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(one).not.toBe(two);
  expect(await hasher.verify(PASSWORD, one as string)).toBe(true);
  for (const wrong of ["", `${PASSWORD} `, PASSWORD.toUpperCase()])
    expect(await hasher.verify(wrong, one as string)).toBe(false);
});

test("a hash with other costs is read by them", async () => {
  const { argon2Sync } = await import("node:crypto");
  const nonce = Buffer.from("0123456789abcdef");
  const parameters = { message: PASSWORD, nonce, memory: 64, passes: 1, parallelism: 1, tagLength: 32 };
  const part = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  const phc = `$argon2id$v=19$m=64,t=1,p=1$${part(nonce)}$${part(argon2Sync("argon2id", parameters))}`;
  expect(await new PasswordHasher().verify(PASSWORD, phc)).toBe(true);
});

test("nobody's password fits nothing, and a stored text that is no hash is a bug and no password", async () => {
  const hasher = new PasswordHasher();
  for (const password of [PASSWORD, ""]) expect(await hasher.verify(password, null)).toBe(false);
  await expect(hasher.verify(PASSWORD, "")).rejects.toThrow(/PHC/);
  await expect(hasher.verify(PASSWORD, PASSWORD)).rejects.toThrow(/PHC/);
});

test("more at once than can be worked off soon are told to come again; those before them are served", async () => {
  const hasher = new PasswordHasher();
  const asked = await Promise.allSettled(Array.from({ length: 40 }, () => hasher.verify(PASSWORD, null)));
  expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(32);
  for (const each of asked.slice(32)) expect(each).toMatchObject({ reason: { code: "OVERLOADED", retryAfterS: 2 } });
});
