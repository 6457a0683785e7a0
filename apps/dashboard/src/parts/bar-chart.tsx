import { Box, Group, Text, VisuallyHidden } from "@mantine/core";
import styles from "./bar-chart.module.css";
import { perMille } from "./share.ts";

export interface Bar {
  /** When, or of what: in words. */
  readonly label: string;
  /** A decimal string as the API tells it. */
  readonly amount: string;
  /** The amount as it is said. */
  readonly words: string;
}

interface BarChartProps {
  readonly caption: string;
  /** What the amounts are: the header of their column, for those who cannot see the bars. */
  readonly measure: string;
  readonly bars: readonly Bar[];
}

const HEIGHT = 1000;
/** Of a bar that is not nothing, so that it is seen at all. */
const LEAST = 6;

/** Amounts over time as bars: the highest fills the height, each says what it is on hover, and a table says the same in words. */
export function BarChart({ caption, measure, bars }: BarChartProps) {
  const highest = bars.reduce<Bar | null>((most, bar) => (most === null || isMore(bar, most) ? bar : most), null);
  if (highest === null) return null;
  return (
    <Box component="figure" m={0}>
      <Group justify="space-between" mb={4}>
        <Text size="xs" c="dimmed">
          at most {highest.words}
        </Text>
      </Group>
      <svg
        className={styles["chart"]}
        viewBox={`0 0 ${bars.length * 10} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <line className={styles["line"]} x1={0} x2={bars.length * 10} y1={HEIGHT} y2={HEIGHT} />
        {bars.map((bar, at) => {
          const height = heightOf(bar, highest);
          return (
            <rect
              key={bar.label}
              className={styles["bar"]}
              x={at * 10 + 1}
              width={8}
              y={HEIGHT - height}
              height={height}
            >
              <title>{`${bar.label}: ${bar.words}`}</title>
            </rect>
          );
        })}
      </svg>
      <div className={styles["axis"]} aria-hidden="true">
        <Text size="xs" c="dimmed">
          {bars[0]?.label}
        </Text>
        <Text size="xs" c="dimmed">
          {bars.at(-1)?.label}
        </Text>
      </div>
      <VisuallyHidden>
        <table>
          <caption>{caption}</caption>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">{measure}</th>
            </tr>
          </thead>
          <tbody>
            {bars.map(({ label, words }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{words}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </VisuallyHidden>
    </Box>
  );
}

function heightOf(bar: Bar, highest: Bar): number {
  const height = perMille(bar.amount, highest.amount);
  return /[1-9]/.test(bar.amount) ? Math.max(LEAST, height) : 0;
}

function isMore(bar: Bar, than: Bar): boolean {
  return perMille(bar.amount, than.amount) > 1000 || (/^0(\.0*)?$/.test(than.amount) && /[1-9]/.test(bar.amount));
}
