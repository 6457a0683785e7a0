import { Button, Center, Loader, Table, VisuallyHidden } from "@mantine/core";
import type { ReactNode } from "react";
import styles from "./data-table.module.css";
import { ProblemAlert } from "./problem-alert.tsx";

export interface Column<Row> {
  readonly header: string;
  /** Numbers stand at the right, so that their digits stand under each other. */
  readonly isNumber?: boolean;
  /** Is the header for those who cannot see only? For a column of buttons, which stand at the right too. */
  readonly isHeaderHidden?: boolean;
  /** Sentences: they wrap, and are left enough room for it where the screen is narrow. */
  readonly isProse?: boolean;
  readonly cell: (row: Row) => ReactNode;
}

interface DataTableProps<Row> {
  /** What the table is, for those who cannot see where it stands. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Instead of a table without rows. */
  readonly empty: ReactNode;
  readonly isPending?: boolean;
  readonly error?: Error | null;
  /** Asks for the next page; null: there is none. */
  readonly more?: (() => void) | null;
  readonly isLoadingMore?: boolean;
}

/**
 * Rows of one list. The first column names the row, and is its header. On a phone each row is a card: its name, and below it every cell with
 * the header of its column. The roles are said for browsers that take a table drawn as anything else for none; Chromium is none of them.
 */
export function DataTable<Row>({
  caption,
  columns,
  rows,
  keyOf,
  empty,
  isPending,
  error,
  more,
  isLoadingMore,
}: DataTableProps<Row>) {
  if (error !== undefined && error !== null) return <ProblemAlert error={error} />;
  if (isPending === true)
    return (
      <Center mih={160}>
        <Loader aria-label={`Loading: ${caption}`} />
      </Center>
    );
  if (rows.length === 0) return <>{empty}</>;
  return (
    <>
      <section className={styles["scroll"]} aria-label={caption} tabIndex={0}>
        <Table role="table" highlightOnHover verticalSpacing="xs">
          <Table.Caption className={styles["hidden"]}>{caption}</Table.Caption>
          <Table.Thead role="rowgroup">
            <Table.Tr role="row">
              {columns.map(({ header, isNumber, isHeaderHidden }) => (
                <Table.Th
                  key={header}
                  scope="col"
                  role="columnheader"
                  className={isNumber === true ? styles["number"] : styles["head"]}
                >
                  {isHeaderHidden === true ? <VisuallyHidden>{header}</VisuallyHidden> : header}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody role="rowgroup">
            {rows.map((row) => (
              <Table.Tr key={keyOf(row)} role="row">
                {columns.map((column, at) => cellOf(column, row, at === 0))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </section>
      {more !== undefined && more !== null && (
        <Center mt="md">
          <Button variant="default" onClick={more} loading={isLoadingMore === true}>
            Show more
          </Button>
        </Center>
      )}
    </>
  );
}

function cellOf<Row>(column: Column<Row>, row: Row, isFirst: boolean): ReactNode {
  const { header, cell, isHeaderHidden } = column;
  const className = classOf(column);
  return isFirst ? (
    <Table.Th key={header} scope="row" role="rowheader" fw={500} className={className ?? styles["head"]}>
      {cell(row)}
    </Table.Th>
  ) : (
    <Table.Td key={header} role="cell" className={className} data-header={isHeaderHidden === true ? "" : header}>
      {cell(row)}
    </Table.Td>
  );
}

function classOf<Row>({ isNumber, isHeaderHidden, isProse }: Column<Row>): string | undefined {
  if (isNumber === true || isHeaderHidden === true) return styles["number"];
  return isProse === true ? styles["prose"] : undefined;
}
