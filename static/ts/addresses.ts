// addresses.ts: a pasted list of people, from a column or with semicolons between, becomes one line with commas. Without
// it the server splits the same lists.
import { behavior } from "./behavior";

behavior<HTMLInputElement>("addresses", (field, signal) => {
  field.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[\r\n\t;]/.test(text)) return;
    event.preventDefault();
    const end = field.selectionEnd ?? field.value.length;
    const start = field.selectionStart ?? end;
    const before = field.value.slice(0, start);
    const glue = before.trim() && !/,\s*$/.test(before) ? ", " : "";
    field.setRangeText(glue + oneLine(text), start, end, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }, { signal });
});

/** oneLine puts commas for line ends, tabs and semicolons that do not stand in quotes. */
export function oneLine(text: string): string {
  const people: string[] = [];
  let person = "";
  let quoted = false;
  for (const c of text) {
    if (c === '"' && !person.endsWith("\\")) quoted = !quoted;
    if (c === "\n" || c === "\r") quoted = false; // no name goes over a line's end
    if (!quoted && "\r\n\t;,".includes(c)) {
      people.push(person.trim());
      person = "";
    } else {
      person += c;
    }
  }
  people.push(person.trim());
  return people.filter(Boolean).join(", ");
}
