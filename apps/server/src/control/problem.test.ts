import { CODES, type ReasonCode } from "@tollhouse/contract";
import { expect, test } from "vitest";
import { Problem, problemBody } from "./problem.ts";

test.each(Object.keys(CODES) as ReasonCode[])("%s has a type, a title, a status, and the code itself", (code) => {
  expect(problemBody(new Problem(code, "what went wrong"))).toEqual({
    type: `urn:tollhouse:problem:${code.toLowerCase()}`,
    title: CODES[code].title,
    status: CODES[code].status,
    detail: "what went wrong",
    reason_code: code,
  });
});

test("fields are listed where some are wrong", () => {
  const fields = [{ field: "amount", problem: "expected dollars" }];
  expect(problemBody(new Problem("REQUEST_INVALID", "no", fields))["errors"]).toEqual(fields);
});
