import {
  Button,
  Checkbox,
  Fieldset,
  Group,
  NativeSelect,
  NumberInput,
  Radio,
  Stack,
  TagsInput,
  TextInput,
} from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { DIMENSIONS, PERMISSIONS, SETTABLE, type KeyValues } from "./key-values.ts";

/** The fields of a key, new or there already. */
export function KeyFields({ form }: { readonly form: UseFormReturnType<KeyValues> }) {
  return (
    <>
      <TextInput label="Name" description="What uses it" data-autofocus {...form.getInputProps("name")} />
      <Checkbox.Group label="It may" {...form.getInputProps("permissions")}>
        <Stack gap="xs" mt="xs">
          {PERMISSIONS.map(({ value, label }) => (
            <Checkbox key={value} value={value} label={label} />
          ))}
        </Stack>
      </Checkbox.Group>
      <FixedDimensions form={form} />
      <SettableDimensions form={form} />
      <TagsInput
        label="Models"
        description="Names, or patterns such as gpt-4o*, each ended with Enter. None: all models."
        acceptValueOnBlur
        {...form.getInputProps("models")}
      />
      <Group grow align="start">
        <PerMinute form={form} field="requests_per_minute" label="Requests a minute" />
        <PerMinute form={form} field="tokens_per_minute" label="Tokens a minute" />
      </Group>
      <TextInput
        type="datetime-local"
        label="Valid until"
        description="Empty: until it is revoked"
        {...form.getInputProps("expires_at")}
      />
    </>
  );
}

interface PerMinuteProps {
  readonly form: UseFormReturnType<KeyValues>;
  readonly field: "requests_per_minute" | "tokens_per_minute";
  readonly label: string;
}

function PerMinute({ form, field, label }: PerMinuteProps) {
  return (
    <NumberInput
      label={label}
      description="Empty: no limit"
      min={1}
      max={1_000_000_000}
      allowDecimal={false}
      allowNegative={false}
      thousandSeparator=","
      hideControls
      {...form.getInputProps(field)}
    />
  );
}

/** What every call of the key is attributed to, whatever its headers say. */
function FixedDimensions({ form }: { readonly form: UseFormReturnType<KeyValues> }) {
  const { fixed } = form.getValues();
  const free = DIMENSIONS.filter((name) => !fixed.some(({ dimension }) => dimension === name));
  const [next] = free;
  return (
    <Fieldset legend="All its calls belong to" p="sm">
      <Stack gap="xs" align="start">
        {fixed.map(({ dimension }, at) => (
          <Group key={dimension} gap="xs" wrap="nowrap" w="100%" align="start">
            <NativeSelect
              aria-label={`Dimension ${at + 1}`}
              data={[dimension, ...free]}
              {...form.getInputProps(`fixed.${at}.dimension`)}
            />
            <TextInput aria-label={`Value of ${dimension}`} flex={1} {...form.getInputProps(`fixed.${at}.value`)} />
            <Button
              variant="default"
              aria-label={`Remove ${dimension}`}
              onClick={() => form.removeListItem("fixed", at)}
            >
              Remove
            </Button>
          </Group>
        ))}
        {next !== undefined && (
          <Button
            variant="default"
            size="compact-sm"
            onClick={() => form.insertListItem("fixed", { dimension: next, value: "" })}
          >
            Add a dimension
          </Button>
        )}
      </Stack>
    </Fieldset>
  );
}

function SettableDimensions({ form }: { readonly form: UseFormReturnType<KeyValues> }) {
  const { isSettableBound } = form.getValues();
  return (
    <Fieldset legend="A call may say of itself, by header" p="sm">
      <Radio.Group
        aria-label="What a call may say"
        value={isSettableBound ? "these" : "all"}
        onChange={(value) => form.setFieldValue("isSettableBound", value === "these")}
      >
        <Group>
          <Radio value="all" label="every dimension that is not fixed" />
          <Radio value="these" label="only these" />
        </Group>
      </Radio.Group>
      {isSettableBound && (
        <Checkbox.Group aria-label="Only these" mt="sm" {...form.getInputProps("settable")}>
          <Group gap="sm">
            {SETTABLE.map((name) => (
              <Checkbox key={name} value={name} label={name} />
            ))}
          </Group>
        </Checkbox.Group>
      )}
    </Fieldset>
  );
}
