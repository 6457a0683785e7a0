import { Code, Text } from "@mantine/core";
import { useSignInWays } from "../../api/sign-in.ts";
import { Facts } from "../../parts/facts.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";

/** Whether people can sign in at an identity provider; which one is a setting of the process, and not changed here. */
export function SingleSignOn() {
  const { data, error } = useSignInWays();
  return (
    <Section
      title="Single sign-on"
      about="At an identity provider of yours, whose groups say the role. Part of this package, as everything is."
    >
      <ProblemAlert error={error} />
      {data !== undefined && (
        <>
          <Facts
            of={[
              ["OpenID Connect", data.oidc?.name ?? "not set up"],
              ["SAML", data.saml?.name ?? "not set up"],
            ]}
          />
          {data.oidc === null && data.saml === null && (
            <Text size="sm">
              It is set up by <Code>TOLLHOUSE_PUBLIC_URL</Code> and the settings that begin with{" "}
              <Code>TOLLHOUSE_OIDC_</Code> or <Code>TOLLHOUSE_SAML_</Code> (docs/settings.md), and a restart.
            </Text>
          )}
        </>
      )}
    </Section>
  );
}
