import { Text } from "@mantine/core";
import { Fragment, type ReactNode } from "react";
import styles from "./facts.module.css";

/** Names and what they are: for one thing, where a table would have one row. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={styles["facts"]}>
      {of.map(([name, value]) => (
        <Fragment key={name}>
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0}>
            {value}
          </Text>
        </Fragment>
      ))}
    </dl>
  );
}
