import { Code, Text } from "@mantine/core";
import styles from "./diff-view.module.css";
import { lineDiff } from "./line-diff.ts";

interface DiffViewProps {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}

const SIGNS = { same: " ", added: "+", removed: "−" } as const;
const SPOKEN = { same: "", added: "added: ", removed: "removed: " } as const;

/** Two texts as one: what was taken out of the first, and put into the second. */
export function DiffView({ label, before, after }: DiffViewProps) {
  if (before === after) return <Text size="sm">They are the same.</Text>;
  return (
    <section aria-label={label} tabIndex={0} className={styles["scroll"]}>
      <Code block className={styles["text"]}>
        {lineDiff(before, after).map(({ kind, text }, at) => (
          <div key={`${at} ${text}`} className={styles[kind]}>
            <span aria-hidden="true">{SIGNS[kind]} </span>
            {kind !== "same" && <span className={styles["spoken"]}>{SPOKEN[kind]}</span>}
            {text}
          </div>
        ))}
      </Code>
    </section>
  );
}
