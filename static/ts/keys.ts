// keys.ts: keys press the controls that name them. A control says data-key="e", "Shift+i", "Ctrl+Enter" or, one after
// the other, "g i"; the same word draws its hint, so a shortcut is written once. Behaviours may bind keys that press
// nothing, like the list's j and k. With <html data-keys="off"> only those with Ctrl are heard.

const patience = 1000; // ms to wait for the second key of two
let first = ""; // the first of two keys, while waiting for the second
let timer = 0;

const bound = new Map<string, () => boolean>();

/** bind runs a function when a key is pressed and no text is being written; it returns false to let others have the key. */
export function bind(key: string, run: () => boolean, signal: AbortSignal): void {
  bound.set(key, run);
  signal.addEventListener("abort", () => {
    if (bound.get(key) === run) bound.delete(key);
  });
}

export function start(): void {
  document.addEventListener("keydown", press);
}

/** press handles a key; frames hand theirs on to it. */
export function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || (event.repeat && !/^[jknp]$/.test(event.key))) return;
  const chord = nameOf(event);
  if (!chord) return;
  const target = event.composedPath()[0];
  const held = chord.startsWith("Ctrl+");
  if (!held && (writing(target) || document.documentElement.dataset["keys"] === "off")) return;
  if (!held && chord !== "?" && document.querySelector("[popover]:popover-open, dialog[open]")) return;
  if (/^(Enter| |Tab|Arrow)/.test(event.key) && !held) return; // what has the focus wants these itself

  const key = first ? `${first} ${chord}` : chord;
  clearTimeout(timer);
  first = "";
  if (bound.get(key)?.() || activate(find(key, target)) || alone(key, target)) {
    event.preventDefault();
  } else if (!key.includes(" ") && begins(key)) {
    first = key;
    timer = window.setTimeout(() => (first = ""), patience);
    event.preventDefault();
  }
}

/** nameOf writes a key as data-key does; empty for keys that are only held. */
function nameOf(event: KeyboardEvent): string {
  if (event.altKey || ["Shift", "Control", "Alt", "Meta", "Dead", "Process"].includes(event.key)) return "";
  let key = event.key;
  if (key.length === 1 && key > "\u007f" && /^Key[A-Z]$/.test(event.code)) key = event.code.slice(3); // another script: by place
  const letter = /^[a-z]$/i.test(key);
  if (letter) key = key.toLowerCase();
  const shift = event.shiftKey && (letter || key.length > 1) ? "Shift+" : "";
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + shift + key;
}

function writing(target: EventTarget | undefined): boolean {
  if (!(target instanceof Element)) return false;
  const field = target.closest<HTMLInputElement>("input, textarea, select");
  if (field) return !["checkbox", "radio", "button", "submit", "reset"].includes(field.type);
  return target.closest("[contenteditable]:not([contenteditable=false])") !== null;
}

function selector(key: string): string {
  return `[data-key="${CSS.escape(key)}"]`;
}

function begins(key: string): boolean {
  if ([...bound.keys()].some((other) => other.startsWith(key + " "))) return true;
  return document.querySelector(`[data-key^="${CSS.escape(key)} "]`) !== null;
}

/** find looks where the person is: what is ticked, then the row or form that has the focus, then the page. */
function find(key: string, target: EventTarget | undefined): HTMLElement | undefined {
  const within = [
    document.querySelector(".mail:has(.pick input:checked) .bar-bulk"),
    target instanceof Element ? target.closest(".row, .msg, .reply, .composer") : null,
    document,
  ];
  for (const scope of within) {
    for (const control of scope?.querySelectorAll<HTMLElement>(selector(key)) ?? []) {
      if (usable(control, scope === document)) return control;
    }
  }
  return undefined;
}

/** usable keeps a key of the page from pressing what belongs to some row or to nothing ticked. */
function usable(control: HTMLElement, anywhere: boolean): boolean {
  if (control.matches(":disabled, [aria-disabled=true]")) return false;
  if (control.closest("#toasts")) return true; // an undo counts after its toast has gone
  if (control.closest("[hidden]")) return false;
  if (!anywhere) return true;
  const seen = control.closest("details:not([open])") ?? control; // what is in a closed menu may be pressed
  return !control.closest(".row, .bar-bulk") && seen.checkVisibility();
}

/** alone has a key of the bar act on the row that has the focus, when nothing is ticked. */
function alone(key: string, target: EventTarget | undefined): boolean {
  const row = target instanceof Element ? target.closest(".row") : null;
  const control = row?.closest(".mail")?.querySelector<HTMLElement>(`.bar-bulk ${selector(key)}`);
  const box = row?.querySelector<HTMLInputElement>(".pick input");
  if (!control || !box || control.matches(":disabled")) return false;
  mark(box, true);
  activate(control);
  if (!control.matches("summary")) mark(box, false); // what it sends is gathered
  return true;
}

function mark(box: HTMLInputElement, on: boolean): void {
  box.checked = on;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

function activate(control: HTMLElement | undefined): boolean {
  if (!control) return false;
  if (control.matches("input:not([type=submit], [type=button], [type=checkbox]), textarea")) {
    control.focus();
    (control as HTMLInputElement).select();
  } else {
    control.click();
    if (control.matches("summary")) control.nextElementSibling?.querySelector<HTMLElement>("a, button, input")?.focus();
  }
  return true;
}
