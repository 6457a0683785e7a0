import { createHash, createHmac } from "node:crypto";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

export interface AwsRequest {
  readonly method: string;
  /** Without a query; its path as it is sent. */
  readonly url: URL;
  readonly body: string;
  /** Lower-case names, signed as well. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The headers of a request to S3, or to what speaks its protocol, signed by AWS Signature Version 4
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 */
export function signedAwsHeaders(
  { method, url, body, headers: own = {} }: AwsRequest,
  { accessKeyId, secretAccessKey, region }: AwsCredentials,
  nowMs: number,
): Record<string, string> {
  const at = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
  const scope = `${at.slice(0, 8)}/${region}/s3/aws4_request`;
  const payload = sha256(body);
  const headers: Record<string, string> = { ...own, host: url.host, "x-amz-content-sha256": payload, "x-amz-date": at };
  const names = Object.keys(headers).toSorted();
  const signed = names.join(";");
  const canonical = names.map((name) => `${name}:${headers[name]?.trim()}\n`).join("");
  const asked = [method, url.pathname, "", canonical, signed, payload].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", at, scope, sha256(asked)].join("\n");
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of scope.split("/")) key = hmac(key, part);
  const signature = hmac(key, toSign).toString("hex");
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
