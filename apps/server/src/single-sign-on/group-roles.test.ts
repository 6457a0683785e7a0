import { expect, test } from "vitest";
import { groupsIn, readGroupRoles, roleOfGroups } from "./group-roles.ts";

const read = (text: string) => Object.fromEntries(readGroupRoles(text) ?? []);

test("a mapping is groups and roles; a group may hold the sign between them", () => {
  expect(read("platform=owner, finance = viewer")).toEqual({ platform: "owner", finance: "viewer" });
  expect(read("cn=ops,*=viewer".replace("cn=ops", "cn=ops=operator"))).toEqual({ "cn=ops": "operator", "*": "viewer" });
});

test.each([
  "",
  "platform",
  "platform=",
  "=owner",
  "platform=root",
  "platform=Owner",
  "a=owner,a=viewer",
  "a=owner,,b=viewer",
])("no mapping: %j", (text) => expect(readGroupRoles(text)).toBeUndefined());

test("the highest role of somebody's groups counts; nobody has one by default, and no group is called *", () => {
  const roles = readGroupRoles("a=viewer,b=admin,c=operator") as NonNullable<ReturnType<typeof readGroupRoles>>;
  expect(roleOfGroups(roles, ["c", "a", "b", "x"])).toBe("admin");
  expect([roleOfGroups(roles, []), roleOfGroups(roles, ["x", "A", "a "])]).toEqual([null, null]);
  const withDefault = readGroupRoles("a=owner,*=viewer") as typeof roles;
  expect([roleOfGroups(withDefault, ["x"]), roleOfGroups(withDefault, ["*", "a"])]).toEqual(["viewer", "owner"]);
});

test("groups are texts: one, or a list", () => {
  expect([groupsIn("a"), groupsIn(["a", 1, null, ["b"]]), groupsIn({ a: true }), groupsIn(undefined)]).toEqual([
    ["a"],
    ["a"],
    [],
    [],
  ]);
});
