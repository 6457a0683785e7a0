import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

export interface TestCertificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

/** A certificate of 127.0.0.1 that nobody but who is told to trusts, in this folder; made by `openssl` of PATH. */
export async function testCertificate(folder: string): Promise<TestCertificate> {
  const made = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", made.key, "-out", made.cert];
  await promisify(execFile)("openssl", ["req", "-x509", ...curve, ...name, ...files, "-days", "2"]);
  return made;
}
