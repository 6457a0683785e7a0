import { lookup as resolve, type LookupAddress } from "node:dns";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";
import { Agent, fetch } from "undici";

// An issuer's discovery names further addresses. The issuer itself is the operator's word; where its document points is not, and must not
// reach what only this machine can.

/** Two lists: a rule of mapped addresses (::ffff:…) in one of both kinds would meet every address of IPv4. */
const INSIDE = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const range of [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
]) {
  const [net = "", bits] = range.split("/");
  INSIDE.ipv4.addSubnet(net, Number(bits), "ipv4");
}
for (const range of [
  "::/128",
  "::1/128",
  "::ffff:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2001::/32",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
]) {
  const [net = "", bits] = range.split("/");
  INSIDE.ipv6.addSubnet(net, Number(bits), "ipv6");
}

const ANSWER_MS = 10_000;
const ANSWER_BYTES_MAX = 1024 * 1024;

/** Is this the address of something that only this machine, or its network, reaches? */
export function isInside(address: string): boolean {
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  return INSIDE[family].check(address, family);
}

/**
 * A fetch that reaches `trusted` (an origin) wherever it is, and beyond it public addresses over TLS alone; it follows no redirect. What
 * a name resolves to is looked at where the connection is made, so that no second answer of a name server goes around it.
 */
export function guardedFetch(trusted: string): { readonly fetch: typeof globalThis.fetch; close(): Promise<void> } {
  const limits = { bodyTimeout: ANSWER_MS, headersTimeout: ANSWER_MS, maxResponseSize: ANSWER_BYTES_MAX };
  const open = new Agent(limits);
  const guarded = new Agent({ ...limits, connect: { lookup: publicLookup } });
  const guardedly = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const dispatcher = url.origin === trusted ? open : guarded;
    if (dispatcher === guarded) assertOutside(url);
    const signal = AbortSignal.timeout(ANSWER_MS);
    // The types of undici's own fetch and of the global one differ in name alone.
    return fetch(url, { ...init, redirect: "manual", signal, dispatcher } as never) as unknown as Promise<Response>;
  };
  return {
    fetch: guardedly,
    close: async () => {
      await Promise.all([open.close(), guarded.close()]);
    },
  };
}

/** What is an address already is never looked up. */
function assertOutside({ protocol, hostname }: URL): void {
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  if (protocol !== "https:") throw new Error(`${hostname}: expected https`);
  if (isIP(bare) !== 0 && isInside(bare)) throw new Error(`${hostname} is no public address`);
}

const publicLookup: LookupFunction = (hostname, options, done) => {
  resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return done(error, "");
    const inside = addresses.find(({ address }) => isInside(address));
    const [first] = addresses;
    if (inside !== undefined || first === undefined) return done(new Error(`${hostname} is no public address`), "");
    return options.all === true ? done(null, addresses) : done(null, first.address, first.family);
  });
};
