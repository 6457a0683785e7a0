import { Box, Progress, Text } from "@mantine/core";
import type { LimitState } from "@tollhouse/contract/control-client";
import styles from "./limit-bar.module.css";
import { formatAmount, type Measure } from "./limit-words.ts";
import { perMille } from "./share.ts";

interface LimitBarProps {
  /** Of what, for those who cannot see where it stands. */
  readonly label: string;
  readonly measure: Measure;
  readonly amount: string;
  readonly state: LimitState;
}

const NEAR = 800;

/** What of a limit is used (solid) and held for calls that are running (lighter), in a bar and in words. */
export function LimitBar({ label, measure, amount, state: { settled, reserved } }: LimitBarProps) {
  const used = Math.min(1000, Math.max(0, perMille(settled, amount)));
  const held = Math.min(1000 - used, Math.max(0, perMille(reserved, amount)));
  const words = `${formatAmount(measure, settled)} of ${formatAmount(measure, amount)}`;
  const heldWords = /[1-9]/.test(reserved) ? `, ${formatAmount(measure, reserved)} held` : "";
  return (
    <Box miw={180}>
      <Text size="sm" className={styles["words"]}>
        {words}
        {heldWords}
      </Text>
      <Progress.Root size="sm" mt={4}>
        <Progress.Section
          value={used / 10}
          color={used + held >= 1000 ? "red" : used + held >= NEAR ? "orange" : "toll"}
          aria-label={`${label}: ${words}${heldWords}`}
          aria-valuetext={`${Math.floor(used / 10)} % used, ${Math.floor(held / 10)} % held`}
        />
        <Progress.Section value={held / 10} color="toll.3" withAria={false} />
      </Progress.Root>
    </Box>
  );
}
