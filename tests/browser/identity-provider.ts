import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

export interface Person {
  readonly email: string;
  readonly email_verified: boolean;
  readonly name: string;
  readonly groups: readonly string[];
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  stop(): void;
}

/** A real OpenID Connect provider with its own pages, where whoever signs in by the name of one of `people` is that person. */
export async function startedIdentityProvider(
  callback: string,
  people: ReadonlyMap<string, Person>,
): Promise<IdentityProvider> {
  const [clientId, clientSecret] = ["tollhouse", "a-secret-of-the-client"];
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [callback] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
    pkce: { required: () => true },
    cookies: { keys: ["for tests"] },
  });
  const answer = provider.callback();
  listener.on("request", (request, response) => void answer(request, response));
  return {
    issuer,
    clientId,
    clientSecret,
    stop: () => {
      listener.closeAllConnections();
      listener.close();
    },
  };
}
