/** An instant as `<input type="datetime-local">` takes it: in the viewer's zone, to the minute. */
export function toLocalInput(iso: string): string {
  const at = new Date(iso);
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The instant that such an input means. */
export function fromLocalInput(text: string): string {
  return new Date(text).toISOString();
}
