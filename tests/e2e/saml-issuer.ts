import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { SignedXml } from "xml-crypto";

const PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion";
const C14N = "http://www.w3.org/2001/10/xml-exc-c14n#";

export interface SigningKey {
  readonly privateKey: string;
  /** PEM. */
  readonly certificate: string;
}

export function makeSigningKey(): SigningKey {
  const folder = mkdtempSync(join(tmpdir(), "tollhouse-saml-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  try {
    const args = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      "/CN=idp",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      certificate,
    ];
    execFileSync("openssl", args, { stdio: "ignore" });
    return { privateKey: readFileSync(key, "utf8"), certificate: readFileSync(certificate, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What an assertion says; each is right, and a test changes one. */
export interface Said {
  readonly request: string;
  readonly audience: string;
  readonly recipient: string;
  readonly issuer: string;
  readonly nameId: string;
  readonly nameIdFormat: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly fromMs: number;
  readonly untilMs: number;
  readonly issuedMs: number;
  /** Before and behind what stands in the subject's confirmation. */
  readonly confirmation: string | null;
}

/** The id of the request that the browser is sent with. */
export function requestIn(location: string): string {
  const packed = new URL(location).searchParams.get("SAMLRequest") ?? "";
  const xml = inflateRawSync(Buffer.from(packed, "base64")).toString();
  return /\bID="([^"]+)"/.exec(xml)?.[1] ?? "";
}

const time = (ms: number): string => new Date(ms).toISOString();

export function assertionXml(said: Said, id = "_assertion"): string {
  const attribute = (name: string, values: readonly string[]): string =>
    `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join("")}</saml:Attribute>`;
  const data =
    said.confirmation ??
    `<saml:SubjectConfirmationData InResponseTo="${said.request}" Recipient="${said.recipient}" NotOnOrAfter="${time(said.untilMs)}"/>`;
  return [
    `<saml:Assertion xmlns:saml="${ASSERTION}" ID="${id}" Version="2.0" IssueInstant="${time(said.issuedMs)}">`,
    `<saml:Issuer>${said.issuer}</saml:Issuer>`,
    `<saml:Subject><saml:NameID Format="${said.nameIdFormat}">${said.nameId}</saml:NameID>`,
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">${data}</saml:SubjectConfirmation></saml:Subject>`,
    `<saml:Conditions NotBefore="${time(said.fromMs)}" NotOnOrAfter="${time(said.untilMs)}">`,
    `<saml:AudienceRestriction><saml:Audience>${said.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
    `<saml:AttributeStatement>${attribute("email", [said.email])}${attribute("name", ["Sam"])}${attribute("groups", said.groups)}</saml:AttributeStatement>`,
    `</saml:Assertion>`,
  ].join("");
}

/** `part`: the name of the element that is signed. */
export function signed(xml: string, key: SigningKey, part: "Assertion" | "Response" = "Assertion"): string {
  const signer = new SignedXml({
    privateKey: key.privateKey,
    signatureAlgorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    canonicalizationAlgorithm: C14N,
  });
  signer.addReference({
    xpath: `//*[local-name(.)='${part}']`,
    transforms: ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", C14N],
    digestAlgorithm: "http://www.w3.org/2001/04/xmlenc#sha256",
  });
  const reference = `//*[local-name(.)='${part}']/*[local-name(.)='Issuer']`;
  signer.computeSignature(xml, { location: { reference, action: "after" } });
  return signer.getSignedXml();
}

/** A response around whatever it holds. */
export function responseXml(said: Pick<Said, "request" | "recipient" | "issuer" | "issuedMs">, inside: string): string {
  return [
    `<samlp:Response xmlns:samlp="${PROTOCOL}" ID="_response" Version="2.0" IssueInstant="${time(said.issuedMs)}" Destination="${said.recipient}" InResponseTo="${said.request}">`,
    `<saml:Issuer xmlns:saml="${ASSERTION}">${said.issuer}</saml:Issuer>`,
    `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`,
    `${inside}</samlp:Response>`,
  ].join("");
}
