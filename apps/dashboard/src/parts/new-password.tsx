import { PasswordInput, type PasswordInputProps } from "@mantine/core";

/** A field for a password that is made now: a password manager may offer one. What is too short or too common is the server's to say. */
export function NewPassword(props: PasswordInputProps) {
  return (
    <PasswordInput
      description="At least 12 characters; a few words that only you would put together are easy to keep"
      autoComplete="new-password"
      required
      {...props}
    />
  );
}
