/**
 * Keys of one installation: `th:{<installation>/<tenant>}:f` is a tenant's fence, `th:{<installation>/<tenant>}:<epoch>:…` what is counted. All
 * of a tenant lie in one slot of a cluster, and those of two installations that share a server never meet.
 */
export interface KeyNames {
  readonly installation: string;
  fence(tenant: string): string;
  /** Matches every key of the installation, as SCAN takes it. */
  readonly all: string;
  /** Null: it is no key of an epoch. */
  epochOf(key: string): bigint | null;
}

const PLAIN = /^[0-9A-Za-z_-]+$/;

export function keyNames(installation: string): KeyNames {
  checkPlain("installation", installation);
  const epochs = new RegExp(`^th:\\{${installation}/[^}]*\\}:(\\d+):`);
  return {
    installation,
    fence: (tenant) => {
      checkPlain("tenant", tenant);
      return `th:{${installation}/${tenant}}:f`;
    },
    all: `th:{${installation}/*}:*`,
    epochOf: (key) => {
      const found = epochs.exec(key)?.[1];
      return found === undefined ? null : BigInt(found);
    },
  };
}

/** What stands before the name of a counter or reservation of this epoch; prelude.lua makes the same. */
export function epochPrefix(fence: string, epoch: bigint): string {
  return `${fence.slice(0, -1)}${epoch}:`;
}

function checkPlain(what: string, name: string): void {
  if (!PLAIN.test(name)) throw new RangeError(`${what} ${JSON.stringify(name)}: expected letters and digits`);
}
