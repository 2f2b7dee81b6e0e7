// place.ts: where a person is in a page (scrolled to, ticked, focused), so that going back, or pressing a button in a
// list, leaves them there.

export interface Place {
  sheet: number; // scroll offsets in px: of <main>, which scrolls on wide screens,
  page: number; // and of the document, which scrolls on a phone
  ticked: string[]; // values of the ticked boxes of the list
  focus: string; // selector of the focused element; empty when it has no name to find it by
  row: number; // index of the row the focus was in; -1 for none
}

const rows = "#main .row-link";
const boxes = "#main .pick input[type=checkbox]";

/** here is where the person is; pressed is what they pressed last, for browsers that do not focus what is clicked. */
export function here(pressed?: Element | null): Place {
  const active = document.activeElement;
  const focused = active && active !== document.body ? active : pressed;
  const row = focused?.closest(".row")?.querySelector(".row-link");
  return {
    sheet: document.getElementById("main")?.scrollTop ?? 0,
    page: document.scrollingElement?.scrollTop ?? 0,
    ticked: [...document.querySelectorAll<HTMLInputElement>(boxes)].filter((box) => box.checked).map((box) => box.value),
    focus: focused ? nameOf(focused) : "",
    row: row ? [...document.querySelectorAll(rows)].indexOf(row) : -1,
  };
}

/** scroll goes to the place, or without one to the top. */
export function scroll(place?: Place): void {
  document.getElementById("main")?.scrollTo({ top: place?.sheet ?? 0, behavior: "instant" });
  document.scrollingElement?.scrollTo({ top: place?.page ?? 0, behavior: "instant" });
}

/** tick ticks again what was ticked and is still there, and has the list count. */
export function tick(place: Place): void {
  if (place.ticked.length === 0) return;
  const values = new Set(place.ticked);
  for (const box of document.querySelectorAll<HTMLInputElement>(boxes)) {
    if (values.has(box.value)) box.checked = true;
  }
  document.querySelector("#main .mail")?.dispatchEvent(new Event("change"));
}

/** focus returns the focus to the same element or, if its row is gone, to the row that took its place. */
export function focus(place: Place): boolean {
  const again = place.focus ? document.querySelector<HTMLElement>(place.focus) : null;
  if (again) {
    again.focus({ preventScroll: true });
    if (document.activeElement === again) return true;
  }
  if (place.row < 0) return false;
  const links = document.querySelectorAll<HTMLElement>(rows);
  const link = links[Math.min(place.row, links.length - 1)];
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: "nearest" });
  return link !== undefined;
}

/** nameOf is a selector that finds the element again in the next page; empty when nothing names it. */
function nameOf(element: Element): string {
  if (element.id) return "#" + CSS.escape(element.id);
  const row = element.closest(".row[id]");
  const within = row ? `#${CSS.escape(row.id)} ` : "#main ";
  for (const name of ["aria-label", "href", "value"]) {
    const value = element.getAttribute(name);
    if (value) return `${within}${element.localName}[${name}="${CSS.escape(value)}"]`;
  }
  return "";
}
