import { expect, test } from "vitest";
import { NodeLoad } from "./node-load.ts";

const BOUNDS = { callsInFlightMax: 10, bodyBytesMax: 1_000, tenantSharePercent: 50 };

function loadWith(calls: Readonly<Record<string, number>>): NodeLoad {
  const load = new NodeLoad(BOUNDS);
  for (const [tenant, count] of Object.entries(calls)) for (let n = 0; n < count; n++) load.entered(tenant, 0);
  return load;
}

test("alone, a tenant has the whole node", () => {
  expect(loadWith({ a: 9 }).crowds("a")).toBe(false);
});

test("beside others, a tenant has its share and no more; what it had before ends by itself", () => {
  const load = loadWith({ a: 9, b: 1 });
  expect(load.crowds("a")).toBe(true);
  expect(load.crowds("b")).toBe(false);
  for (let n = 0; n < 5; n++) load.left("a", 0);
  expect(load.crowds("a")).toBe(false);
  load.entered("a", 0);
  expect(load.crowds("a")).toBe(true);
});

test("whoever was refused for want of room counts as one who calls, so that room is made", () => {
  const load = loadWith({ a: 10 });
  expect(load.crowds("b")).toBe(false);
  expect(load.crowds("a")).toBe(true);
});

test("who has not called for a while is no longer one of the others; who has calls under way is", () => {
  const load = loadWith({ a: 9, b: 1 });
  load.forgetIdle();
  load.forgetIdle();
  expect(load.crowds("a")).toBe(true);
  load.left("b", 0);
  load.forgetIdle();
  load.forgetIdle();
  expect(load.crowds("a")).toBe(false);
});

test("a share is never less than one call", () => {
  const load = new NodeLoad({ ...BOUNDS, callsInFlightMax: 1, tenantSharePercent: 1 });
  load.entered("b", 0);
  expect(load.crowds("a")).toBe(false);
});

test("behind, a node takes a call when it has none, and says why it takes no other", () => {
  const load = loadWith({});
  load.behind = true;
  expect([load.callsMax, load.refusal]).toEqual([1, "This node is behind with the calls it has"]);
  load.behind = false;
  expect([load.callsMax, load.refusal]).toEqual([10, "Too many calls are in flight on this node"]);
});
