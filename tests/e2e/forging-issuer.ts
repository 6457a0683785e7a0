import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";

/** What it puts into the next ID token, and how that is signed: as a provider does, but for what `forge` changes. */
export interface Forgery {
  /** What is undefined is left out. */
  readonly claims?: (right: JWTPayload) => { readonly [name: string]: unknown };
  readonly token?: (claims: JWTPayload) => string | Promise<string>;
  readonly userinfo?: object;
  readonly metadata?: object;
}

/** An OpenID provider that says whatever a test wants, to show what is not believed. */
export class ForgingIssuer {
  readonly clientId = "tollhouse";
  forgery: Forgery = {};
  /** Of the request that was authorised last. */
  nonce = "";
  url = "";
  /** Of whoever signs in: another one for each forgery, or it would be refused for the address alone. */
  email = "eve@example.com";
  readonly #server = createServer((req, res) => void this.#answer(req, res));
  #keys: { privateKey: CryptoKey; publicKey: CryptoKey } | null = null;

  async start(): Promise<this> {
    this.#keys = await generateKeyPair("RS256", { extractable: true });
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get publicKey(): CryptoKey {
    return this.#keys?.publicKey as CryptoKey;
  }

  sign(claims: JWTPayload, key?: CryptoKey): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: "one" })
      .sign(key ?? (this.#keys?.privateKey as CryptoKey));
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const json = (body: object): void =>
      void res.setHeader("content-type", "application/json").end(JSON.stringify(body));
    const { pathname } = new URL(req.url ?? "", this.url);
    if (pathname === "/.well-known/openid-configuration")
      return json({ ...this.#metadata(), ...this.forgery.metadata });
    if (pathname === "/jwks")
      return json({ keys: [{ ...(await exportJWK(this.publicKey)), kid: "one", alg: "RS256", use: "sig" }] });
    if (pathname === "/userinfo") return json(this.forgery.userinfo ?? {});
    if (pathname !== "/token") return void res.writeHead(404).end();
    const now = Math.floor(Date.now() / 1_000);
    const right = {
      iss: this.url,
      aud: this.clientId,
      sub: "subject-1",
      iat: now,
      exp: now + 60,
      nonce: this.nonce,
      email: this.email,
      name: "Eve",
      groups: ["platform"],
    };
    const claims = (this.forgery.claims?.(right) ?? right) as JWTPayload;
    const id_token = await (this.forgery.token?.(claims) ?? this.sign(claims));
    json({ access_token: "access", token_type: "Bearer", expires_in: 60, id_token });
  }

  #metadata(): object {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      userinfo_endpoint: `${this.url}/userinfo`,
      jwks_uri: `${this.url}/jwks`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
    };
  }
}
