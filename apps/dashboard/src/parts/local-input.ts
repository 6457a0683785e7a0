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

/** The first moment of a day (`2026-11-21`) in the viewer's zone, or of the day so many later: days with a change of the clock too. */
export function firstMomentOf(day: string, daysLater = 0): string {
  const at = new Date(`${day}T00:00`);
  at.setDate(at.getDate() + daysLater);
  return at.toISOString();
}
