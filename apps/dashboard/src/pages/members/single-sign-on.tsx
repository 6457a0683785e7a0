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
              It is set up in <Code>tollhouse.yaml</Code>; docs/settings.md has an example.
            </Text>
          )}
        </>
      )}
    </Section>
  );
}
