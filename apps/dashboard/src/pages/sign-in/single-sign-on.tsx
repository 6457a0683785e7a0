import { Button, Divider, Stack } from "@mantine/core";
import type { SignInWays } from "../../api/sign-in.ts";

/** They leave this page: the way to the identity provider and back is a navigation. */
export function SingleSignOn({ ways: { oidc, saml, password } }: { readonly ways: SignInWays }) {
  if (oidc === null && saml === null) return null;
  return (
    <Stack>
      {password && <Divider label="or" />}
      {oidc !== null && <Away href="/api/sign-in/oidc" name={oidc.name} />}
      {saml !== null && <Away href="/api/sign-in/saml" name={saml.name} />}
    </Stack>
  );
}

function Away({ href, name }: { readonly href: string; readonly name: string }) {
  return (
    <Button component="a" href={href} variant="default">
      Sign in with {name}
    </Button>
  );
}
