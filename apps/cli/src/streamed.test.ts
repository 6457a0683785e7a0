import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ran } from "./cli-fixture.ts";

let server: Server;
afterEach(() => server.close());

async function answering(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each(["ledger export", "usage --format csv"])(
  "an answer that breaks off in its middle is a failure of the other side, and said in one line: %s",
  async (line) => {
    const url = await answering((_request, response) => {
      response.write("half a line", () => response.destroy());
    });
    const { code, out, err } = await ran(url, line);
    expect([code, out]).toEqual([7, "half a line"]);
    expect(err).toMatch(/^tollhouse: the answer broke off before its end .*\n$/);
  },
);

test("something else at the address, which has no such page, is not taken for a Tollhouse that has no such thing", async () => {
  const url = await answering((_request, response) => response.writeHead(404).end("<h1>Not found</h1>"));
  expect(await ran(url, "limits show lim_x")).toMatchObject({
    code: 7,
    err: `tollhouse: ${url} answered 404, and not as a Tollhouse does\n`,
  });
});
