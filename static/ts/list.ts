// list.ts: ticking many at once and walking a list by keys. Without it boxes, stars and buttons still work one by one.
import { behavior } from "./behavior";
import { bind } from "./keys";

behavior<HTMLFormElement>("list", (list, signal) => {
  const all = list.querySelector<HTMLInputElement>(".pick-all");
  const count = list.querySelector<HTMLElement>("[data-selected-count]");
  const rows = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>(".row")];
  const box = (row: Element | undefined): HTMLInputElement | null => row?.querySelector<HTMLInputElement>(".pick input") ?? null;
  const link = (row: Element | undefined): HTMLElement | null => row?.querySelector<HTMLElement>(".row-link") ?? null;
  let anchor: HTMLElement | undefined; // the row ticked last, from which a range reaches

  // count says how many are ticked, in words of the server: data-text-one, data-text-other, … with {n}
  const plural = new Intl.PluralRules(document.documentElement.lang || "en");
  function tally(): void {
    const boxes = rows().map(box);
    const n = boxes.filter((b) => b?.checked).length;
    if (all) {
      all.checked = n > 0 && n === boxes.length;
      all.indeterminate = n > 0 && n < boxes.length;
    }
    if (!count) return;
    const rule = plural.select(n);
    const words = count.getAttribute("data-text-" + rule) ?? count.getAttribute("data-text-other") ?? "{n}";
    const text = n ? words.replace("{n}", n.toLocaleString(document.documentElement.lang || "en")) : "";
    if (count.textContent !== text) count.textContent = text;
  }

  function tick(which: (row: HTMLElement) => boolean): void {
    for (const row of rows()) {
      const b = box(row);
      if (b) b.checked = which(row);
    }
    tally();
  }

  /** extend gives every row from the anchor to the given one the state of the given one's box. */
  function extend(row: HTMLElement): void {
    const every = rows();
    const from = anchor ? every.indexOf(anchor) : -1;
    const to = every.indexOf(row);
    const state = box(row)?.checked ?? false;
    if (from >= 0) {
      for (const between of every.slice(Math.min(from, to), Math.max(from, to) + 1)) {
        const b = box(between);
        if (b) b.checked = state;
      }
    }
    anchor = row;
    tally();
  }

  list.addEventListener("click", (event) => {
    const target = event.target as Element;
    const state = target.closest<HTMLElement>("[data-select]")?.dataset["select"];
    if (state) tick(states[state] ?? (() => false));
    if (!target.matches(".pick input")) return;
    const row = target.closest<HTMLElement>(".row");
    if (!row) return;
    if (event.shiftKey) extend(row);
    anchor = row;
    tally();
  }, { signal });
  list.addEventListener("change", (event) => {
    if (event.target === all) tick(() => all?.checked ?? false);
    else tally();
  }, { signal });
  list.addEventListener("reset", (event) => {
    event.preventDefault();
    tick(() => false);
  }, { signal });

  // a star turns at once; the answer draws it as the server has it
  list.addEventListener("submit", (event) => {
    const star = event.submitter;
    if (star?.matches(".star")) star.setAttribute("aria-pressed", String(star.getAttribute("aria-pressed") !== "true"));
  }, { signal });

  // one tab stop: the row walked to last, and what is in it
  let cursor: HTMLElement | undefined;
  function visit(row: HTMLElement | undefined): void {
    if (!row || row === cursor) return;
    for (const other of cursor ? [cursor] : rows()) {
      for (const control of other.querySelectorAll<HTMLElement>("a, button, input")) control.tabIndex = -1;
    }
    for (const control of row.querySelectorAll<HTMLElement>("a, button, input")) control.tabIndex = 0;
    cursor = row;
  }
  list.addEventListener("focusin", (event) => visit((event.target as Element).closest<HTMLElement>(".row") ?? undefined), { signal });
  visit(rows()[0]);

  const focused = (): HTMLElement | undefined => document.activeElement?.closest<HTMLElement>(".row") ?? undefined;
  function walk(step: number): boolean {
    const every = rows();
    if (every.length === 0) return false;
    const from = focused();
    const at = from ? every.indexOf(from) + step : cursor ? every.indexOf(cursor) : 0;
    const row = every[Math.max(0, Math.min(every.length - 1, at))];
    link(row)?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
    return true;
  }
  function toggle(range: boolean): boolean {
    const row = focused();
    const b = box(row);
    if (!row || !b) return false;
    b.checked = !b.checked;
    if (range) extend(row);
    anchor = row;
    tally();
    return true;
  }
  function select(state: string): () => boolean {
    return () => {
      tick(states[state] ?? (() => false));
      return true;
    };
  }
  bind("j", () => walk(1), signal);
  bind("k", () => walk(-1), signal);
  bind("x", () => toggle(false), signal);
  bind("Shift+x", () => toggle(true), signal);
  bind("o", () => {
    const open = link(focused());
    open?.click();
    return open !== null;
  }, signal);
  bind("s", () => {
    const star = rows().some((row) => box(row)?.checked) ? null : focused()?.querySelector<HTMLElement>(".star");
    star?.click();
    return star != null;
  }, signal);
  bind("Escape", () => {
    const any = rows().some((row) => box(row)?.checked);
    if (any) tick(() => false);
    return any;
  }, signal);
  for (const [key, state] of Object.entries({ a: "all", n: "none", r: "read", u: "unread", s: "starred", t: "unstarred" })) {
    bind("* " + key, select(state), signal);
  }

  tally();
});

/** The states rows can be ticked by: data-select in the menu, and the keys after *. */
const states: Record<string, (row: HTMLElement) => boolean> = {
  all: () => true,
  none: () => false,
  read: (row) => !row.matches(".is-unread"),
  unread: (row) => row.matches(".is-unread"),
  starred: (row) => row.querySelector(".star[aria-pressed=true]") !== null,
  unstarred: (row) => row.querySelector(".star[aria-pressed=true]") === null,
  files: (row) => row.querySelector(".row-files") !== null,
};
