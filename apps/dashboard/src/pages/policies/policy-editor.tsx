import { Anchor, Button, Group, List, SegmentedControl, Stack, Text, Textarea } from "@mantine/core";
import type { PolicyDocument } from "@tollhouse/contract/control-client";
import { useRef, useState } from "react";
import { ProblemError } from "../../api/problem.ts";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { PolicySettings } from "./policy-settings.tsx";
import { placed, readText, textAs, type LineProblem, type Notation } from "./policy-yaml.ts";
import { Rehearsing } from "./rehearsing.tsx";

interface PolicyEditorProps {
  readonly start: PolicyDocument;
  /** The policy whose next version it would be. */
  readonly replaces?: string;
  readonly version?: number;
  readonly action: string;
  readonly isBusy: boolean;
  readonly error: Error | null;
  readonly onSave: (document: PolicyDocument, version: number | undefined) => void;
}

const LINES_MIN = 18;

const NOTATIONS: { value: Notation; label: string }[] = [
  { value: "yaml", label: "YAML" },
  { value: "json", label: "JSON" },
];

/** A policy as its text. The server says what is wrong with it, and the text shows where. */
export function PolicyEditor({ start, replaces, version, action, isBusy, error, onSave }: PolicyEditorProps) {
  const [notation, setNotation] = useState<Notation>("yaml");
  const [text, setText] = useState(() => textAs(notation, start));
  const [readVersion] = useState(version);
  const [unread, setUnread] = useState<LineProblem | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const fields = error instanceof ProblemError ? (error.problem?.errors ?? []) : [];
  const problems = unread === null ? placed(text, fields) : [unread];
  const read = (): PolicyDocument | null => {
    const { document, problem } = readText(text);
    setUnread(problem);
    return document;
  };
  /** What cannot be read stays as it is: it is said where it is wrong. */
  const turnInto = (other: Notation): void => {
    const document = read();
    if (document === null) return;
    setNotation(other);
    setText(textAs(other, document));
  };
  const save = (): void => {
    const document = read();
    if (document !== null) onSave(document, readVersion);
  };
  return (
    <Stack gap="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Stack gap="sm">
          <SegmentedControl
            aria-label="Written as"
            data={NOTATIONS}
            value={notation}
            onChange={turnInto}
            style={{ alignSelf: "start" }}
          />
          <Textarea
            ref={area}
            label="The policy"
            description="As YAML or JSON; comments are not kept. What is left out is not set, and a less specific policy may give it."
            value={text}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
            autosize
            minRows={LINES_MIN}
            spellCheck={false}
            autoComplete="off"
            styles={{
              input: { fontFamily: "var(--mantine-font-family-monospace)", color: "var(--mantine-color-text)" },
            }}
            error={problems.length > 0}
          />
          {problems.length > 0 ? (
            <Problems problems={problems} goTo={(line) => selectLine(area.current, line)} />
          ) : (
            <ProblemAlert error={error} />
          )}
          <Group>
            <Button type="submit" loading={isBusy}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
      <Rehearsing draft={read} {...(replaces !== undefined && { replaces })} />
      <PolicySettings />
    </Stack>
  );
}

interface ProblemsProps {
  readonly problems: readonly LineProblem[];
  readonly goTo: (line: number) => void;
}

function Problems({ problems, goTo }: ProblemsProps) {
  return (
    <div role="alert">
      <Text size="sm" fw={600} c="red">
        It is not saved:
      </Text>
      <List size="sm">
        {problems.map(({ line, field, problem }) => (
          <List.Item key={`${field} ${problem}`}>
            {line !== null && (
              <>
                <Anchor component="button" type="button" size="sm" onClick={() => goTo(line)}>
                  line {line}
                </Anchor>
                {": "}
              </>
            )}
            {field !== "" && (
              <>
                <code>{field}</code>:{" "}
              </>
            )}
            {problem}
          </List.Item>
        ))}
      </List>
    </div>
  );
}

function selectLine(area: HTMLTextAreaElement | null, line: number): void {
  if (area === null) return;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
