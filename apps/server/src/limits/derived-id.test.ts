import { expect, test } from "vitest";
import { createDerivedId } from "./derived-id.ts";

const key = Buffer.alloc(32, 1);

test("the same scope has the same id after a restart, and on another node", () => {
  const id = createDerivedId(key, "prod")("session:run-1");
  expect(createDerivedId(Buffer.from(key), "prod")("session:run-1")).toBe(id);
  expect(id).toMatch(/^lim_[0-9a-f]{26}$/);
});

test("another session, environment or installation is another id", () => {
  const ids = [
    createDerivedId(key, "prod")("session:run-1"),
    createDerivedId(key, "prod")("session:run-2"),
    createDerivedId(key, "dev")("session:run-1"),
    createDerivedId(Buffer.alloc(32, 2), "prod")("session:run-1"),
    // The parts cannot be moved over their border.
    createDerivedId(key, "prods")("ession:run-1"),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});
