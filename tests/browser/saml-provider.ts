import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { assertionXml, makeSigningKey, requestIn, responseXml, signed } from "../e2e/saml-issuer.ts";
import type { Person } from "./identity-provider.ts";

export interface SamlProvider {
  /** The settings that name it. */
  readonly env: Readonly<Record<string, string>>;
  stop(): void;
}

const CALLBACK = "/api/sign-in/saml/callback";

/**
 * An identity provider by SAML with one page, on which a button sends its answer about `person` back. On `localhost`: to a browser that is another
 * site than 127.0.0.1, as a provider's is.
 */
export async function startedSamlProvider(publicUrl: string, person: Person): Promise<SamlProvider> {
  const key = makeSigningKey();
  const issuer = "urn:example:saml";
  const answer = (location: string): string => {
    const nowMs = Date.now();
    const said = {
      request: requestIn(location),
      audience: `${publicUrl}/api/sign-in/saml/metadata`,
      recipient: `${publicUrl}${CALLBACK}`,
      issuer,
      nameId: person.email,
      nameIdFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
      email: person.email,
      groups: person.groups,
      fromMs: nowMs - 5_000,
      untilMs: nowMs + 600_000,
      issuedMs: nowMs,
      confirmation: null,
    };
    return Buffer.from(responseXml(said, signed(assertionXml(said), key))).toString("base64");
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams, href } = new URL(request.url ?? "/", "http://localhost");
    if (pathname !== "/sso") return void response.writeHead(404).end();
    const fields = { SAMLResponse: answer(href), RelayState: searchParams.get("RelayState") ?? "" };
    const inputs = Object.entries(fields).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
    );
    response
      .setHeader("content-type", "text/html")
      .end(
        `<form method="post" action="${publicUrl}${CALLBACK}">${inputs.join("")}<button>Yes, it is me</button></form>`,
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    env: {
      TOLLHOUSE_SAML_ENTRY_POINT: `http://localhost:${(server.address() as AddressInfo).port}/sso`,
      TOLLHOUSE_SAML_IDP_ISSUER: issuer,
      TOLLHOUSE_SAML_IDP_CERT: key.certificate,
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
