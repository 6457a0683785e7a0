import { NativeSelect, Stack } from "@mantine/core";
import { useState } from "react";
import { Copyable } from "../../parts/copyable.tsx";
import { SNIPPETS } from "./snippets.ts";

/** How a client is pointed at this Tollhouse with a key. */
export function UseKey({ secret }: { readonly secret: string }) {
  const [client, setClient] = useState(SNIPPETS[0]?.client);
  const snippet = SNIPPETS.find((each) => each.client === client);
  return (
    <Stack gap="xs">
      <NativeSelect
        label="Use it with"
        value={client}
        data={SNIPPETS.map((each) => each.client)}
        onChange={({ currentTarget }) => setClient(currentTarget.value)}
      />
      {snippet !== undefined && <Copyable label={snippet.client} text={snippet.code(location.origin, secret)} />}
    </Stack>
  );
}
