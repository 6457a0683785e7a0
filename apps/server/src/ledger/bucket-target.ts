import type { PublishTarget } from "./checkpoint-publisher.ts";
import { sendOutside } from "./send-outside.ts";
import { signedAwsHeaders, type AwsCredentials } from "./sign-aws-request.ts";

const SIZE_DIGITS = 15;

/**
 * Checkpoints as objects of an S3-compatible bucket, `<base>/<tenant>/<size>.checkpoint`: one each, so that a bucket with object lock
 * keeps them for as long as it is told to. `base`: bucket and prefix as a URL, the bucket in the path.
 */
export function bucketTarget(base: string, credentials: AwsCredentials, now: () => number): PublishTarget {
  return {
    name: `bucket ${new URL(base).host}`,
    async publish({ tenant, size, note }, signal) {
      const name = `${String(size).padStart(SIZE_DIGITS, "0")}.checkpoint`;
      const url = new URL(`${base}/${tenant}/${name}`);
      const asked = {
        method: "PUT",
        url,
        body: note,
        headers: { "content-type": "text/plain; charset=utf-8" },
      } as const;
      await sendOutside({ ...asked, headers: signedAwsHeaders(asked, credentials, now()) }, signal);
    },
  };
}
