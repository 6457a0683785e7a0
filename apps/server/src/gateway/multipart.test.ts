import { describe, expect, test } from "vitest";
import { readMultipart } from "./multipart.ts";

const TYPE = "multipart/form-data; boundary=edge";
const field = (name: string, value: string): string => `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`;
const file = (name: string, bytes: string): string =>
  `Content-Disposition: form-data; name="${name}"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n${bytes}`;

function body(...parts: readonly string[]): Buffer {
  return Buffer.from(`${parts.map((part) => `--edge\r\n${part}\r\n`).join("")}--edge--\r\n`, "latin1");
}

function read(raw: Buffer | string, type = TYPE): Record<string, unknown> | null {
  const answer = readMultipart(Buffer.from(raw as string), type);
  return "code" in answer ? null : { ...answer.value };
}

describe("what is there", () => {
  test("texts are read, and files only measured", () => {
    expect(read(body(field("model", "whisper-1"), file("file", "x".repeat(5_000)), field("n", "")))).toEqual({
      model: "whisper-1",
      file: { bytes: 5_000 },
      n: "",
    });
  });

  test("a file may hold anything but its own boundary: line ends, blank lines, other boundaries", () => {
    const bytes = "\r\n\r\n--other\r\n\0\xff--edge inside a line \r\n--edg";
    expect(read(body(file("file", bytes), field("model", "m")))).toEqual({ file: { bytes: bytes.length }, model: "m" });
  });

  test.each(["multipart/form-data; charset=utf-8; boundary=edge", 'Multipart/Form-Data; boundary="edge"; x=y'])(
    "the boundary is found in %s",
    (type) => expect(read(body(field("model", "m")), type)).toEqual({ model: "m" }),
  );

  test("the official client's own body is read", async () => {
    const form = new FormData();
    form.set("model", "whisper-1");
    form.set("file", new Blob(["abc"]), "a.wav");
    form.append("timestamp_granularities[]", "word");
    form.append("timestamp_granularities[]", "segment");
    const request = new Request("http://x.test", { method: "POST", body: form });
    const raw = Buffer.from(await request.arrayBuffer());
    expect(read(raw, request.headers.get("content-type") ?? "")).toMatchObject({
      model: "whisper-1",
      file: { bytes: 3 },
    });
  });

  test("a text over a mebibyte is measured like a file, not copied", () => {
    expect(read(body(field("prompt", "x".repeat(1024 * 1024 + 1))))).toEqual({ prompt: { bytes: 1024 * 1024 + 1 } });
  });

  test("a name that means something to objects is only a name", () => {
    const answer = readMultipart(body(field("__proto__", "x")), TYPE);
    expect("value" in answer && Object.keys(answer.value)).toEqual(["__proto__"]);
  });
});

describe("what two readers could understand differently is refused", () => {
  const priced = field("model", "whisper-1");
  test.each([
    ["a field twice", body(priced, field("model", "dear"))],
    ["a name without quotes beside one with", body(priced, "Content-Disposition: form-data; name=model\r\n\r\ndear")],
    ["an extended name", body(`Content-Disposition: form-data; name="model"; name*=UTF-8''dear\r\n\r\nm`)],
    ["two names", body(`Content-Disposition: form-data; name="x"; name="model"\r\n\r\nm`)],
    ["two dispositions", body(`Content-Disposition: form-data; name="x"\r\n${priced}`)],
    ["a folded header", body(`Content-Disposition: form-data;\r\n name="model"\r\n\r\nm`)],
    ["a name in another header only", body(`X: form-data; name="model"\r\n\r\nm`)],
    ["an escaped name", body(`Content-Disposition: form-data; name="mo\\"del"\r\n\r\nm`)],
    ["a part without a head", body("no head")],
    ["text before the first boundary", Buffer.concat([Buffer.from("preamble\r\n"), body(priced)])],
    ["no last boundary", body(priced).subarray(0, -4)],
    ["a boundary that goes on", Buffer.from(`--edges\r\n${priced}\r\n--edge--\r\n`)],
    ["line ends of one character", Buffer.from(`--edge\n${priced.replaceAll("\r", "")}\n--edge--\n`)],
    ["nothing", Buffer.alloc(0)],
    ["101 parts", body(...Array.from({ length: 101 }, (_, i) => field(`f${i}`, "x")))],
  ])("%s", (_, raw) => expect(read(raw)).toBeNull());

  test.each([
    "",
    "application/json",
    "multipart/form-data",
    "multipart/mixed; boundary=edge",
    "multipart/form-data; boundary=",
    `multipart/form-data; boundary=${"x".repeat(71)}`,
    "multipart/form-data; xboundary=edge",
    "multipart/form-data; boundary=edge; boundary=other",
    "multipart/form-data; boundary=edge; boundary*=other",
    'multipart/form-data; boundary="ed\\ge"',
  ])("content-type %j", (type) => expect(read(body(priced), type)).toBeNull());

  test("a boundary inside a text does not make a part", () => {
    const hidden = `hint --edge\r\n${field("model", "cheap")}\r\n--edge`;
    expect(read(body(field("prompt", hidden.replaceAll("\r\n--edge", " --edge")), priced))).toMatchObject({
      model: "whisper-1",
    });
    expect(read(body(field("model", "dear"), field("prompt", `x --edge\r\n${field("model", "cheap")}`)))).toMatchObject(
      {
        model: "dear",
      },
    );
  });
});

test("a hundred parts, and boundaries of every length and sign, are read", () => {
  const parts = Array.from({ length: 100 }, (_, i) => field(`f${i}`, String(i)));
  expect(Object.keys(read(body(...parts)) ?? {})).toHaveLength(100);
  for (const boundary of ["a", "-", "'()+_,./:=?", "x".repeat(70), ".*+[$"]) {
    const raw = body(field("model", "m"))
      .toString("latin1")
      .replaceAll("--edge", () => `--${boundary}`);
    expect(read(raw, `multipart/form-data; boundary="${boundary}"`)).toEqual({ model: "m" });
  }
});
