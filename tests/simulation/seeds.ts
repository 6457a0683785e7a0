/** Seeds that once broke a rule, and what they found in the product; each runs on its own in the tests. */
export const KEPT_SEEDS: Readonly<Record<string, string>> = {
  9: "after a power cut the database had more of the spool than the disk: new records were taken for recorded ones",
  17: "a write that failed behind a rotation left a segment that was never removed, and the next start was refused",
  183: "as 9: calls begun after a power cut had no end in the ledger",
  453: "a disk with room for a part of a segment's first bytes took that part, and frames went behind it: no start could read it any more",
  559: "a power cut right behind a rotation tore the segment before the newest, and every start was refused",
  1053: "a write that failed right behind a rotation left an end that the recorder was not let up to: whoever waited for it waited for ever",
  1088: "a commit of a killed process landed behind its successor's reading of it: a call that had ended was settled and counted once more",
  10199:
    "a start that was killed before it had read up to where the recorder was left a place behind that: what was recorded was taken for new",
  10480:
    "a power cut took the end of a call that the database had: it was counted at what it held besides, until the next start",
  2217: "a disk that lied when a segment was sealed lost its end in a power cut: every start was refused for ever",
};
