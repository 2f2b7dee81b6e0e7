// nav.ts: links and forms bring the next page in place. The server answers with the whole page; when it has the same
// regions (data-swap) as the one shown they are replaced one by one, else the body is. Address, title, history, scroll
// and focus then are as if the page had been loaded. htmx does the fetching and swapping; this decides what and where.
import type { Context, Task } from "../vendor/htmx/htmx.esm.js";
import * as place from "./place";

/** What is known of a request beside what htmx keeps. */
interface Step {
  order: number; // requests in the order they started
  status: number; // of the answer
  from: string; // address of the page they were on when the answer arrived,
  left: place.Place; // and where in it
  same: boolean; // the answer is the page they are on
  back: boolean; // they went back or forward in history,
  up: boolean; // or to the list they came from, by its button or after something was done
}

const steps = new WeakMap<Context, Step>();
const underway = new Set<Context>();
const script = document.querySelector('script[src*="/static/app."]')?.getAttribute("src"); // whose name holds our version
let started = 0; // order of the last request started
let shown = 0; // order of the request whose answer is shown

const places = new Map<string, place.Place>(); // by history entry
const maxPlaces = 200;
let before: { address: string; left: place.Place } | undefined; // the page shown before this one
let entry = ""; // the history entry shown

interface EntryState {
  htmx?: boolean;
  entry?: string;
}

export function start(): void {
  mark();
  on("htmx:before:init", queueForms);
  on("htmx:before:request", begin);
  on("htmx:before:response", ({ ctx }, event) => onlyPages(ctx, event));
  on("htmx:before:swap", prepare);
  on("htmx:before:history:update", chooseEntry);
  document.addEventListener("htmx:after:history:push", () => mark(true));
  document.addEventListener("htmx:after:history:replace", () => mark());
  on("htmx:after:swap", ({ ctx }) => arrive(ctx));
  on("htmx:finally:request", ({ ctx }) => end(ctx));
  on("htmx:error", ({ ctx }) => {
    if (ctx) document.dispatchEvent(new CustomEvent("postern:unreachable", { detail: ctx }));
  });
  window.addEventListener("popstate", () => {
    // an entry made by following a fragment link has no state; coming to it from another page htmx stays silent
    if (!(history.state as EntryState | null)?.htmx && address(location.href) !== current) location.reload();
  });
}

interface Detail {
  ctx: Context;
  tasks: Task[];
}

function on(name: string, run: (detail: Detail, event: CustomEvent<Detail>) => void): void {
  document.addEventListener(name, (event) => run((event as CustomEvent<Detail>).detail, event as CustomEvent<Detail>));
}

/** Posts of one form wait for one another and are never dropped or cut off; a link takes the place of the last link. */
function queueForms(_: Detail, event: Event): void {
  const form = event.target;
  if (form instanceof HTMLFormElement && form.method === "post" && !form.hasAttribute("hx-sync")) {
    form.setAttribute("hx-sync", "this:queue all");
  }
}

function begin({ ctx }: Detail): void {
  steps.set(ctx, {
    order: ++started,
    status: 0,
    from: current,
    left: place.here(),
    same: false,
    back: "HX-History-Restore-Request" in ctx.request.headers,
    up: ctx.request.method !== "GET" || ctx.sourceElement.matches('[data-key="u"]'),
  });
  underway.add(ctx);
  document.documentElement.dataset["busy"] = "";
}

function end(ctx: Context): void {
  underway.delete(ctx);
  if (underway.size === 0) delete document.documentElement.dataset["busy"];
}

/** onlyPages leaves downloads, images and the like to the browser. */
function onlyPages(ctx: Context, event: Event): void {
  const answer = ctx.response!.raw;
  document.dispatchEvent(new CustomEvent("postern:reached"));
  const page = answer.headers.get("Content-Type")?.startsWith("text/html") ?? false;
  const file = answer.headers.get("Content-Disposition")?.startsWith("attachment") ?? false;
  if ((page && !file) || answer.status === 204) return;
  event.preventDefault();
  ctx.request.abort?.();
  if (ctx.request.method === "GET") location.assign(answer.url);
}

/** prepare turns a whole page into the regions that differ, and drops what the person has moved on from. */
function prepare({ ctx, tasks }: Detail, event: Event): void {
  const step = steps.get(ctx);
  const page = tasks.find((task) => task.type === "main");
  const body = page?.fragment.firstElementChild;
  if (!step || !page || body?.tagName !== "BODY") return;
  if (step.order < shown || [...underway].some((other) => (steps.get(other)?.order ?? 0) > step.order)) {
    event.preventDefault();
    say(body);
    return;
  }
  const text = ctx.text ?? "";
  if (ctx.request.method === "GET" && script && !text.includes(script)) {
    event.preventDefault(); // Postern was replaced by another version: begin anew with its files
    location.assign(ctx.response?.raw.url ?? ctx.request.action);
    return;
  }
  shown = step.order;
  step.status = ctx.response?.status ?? 200;
  step.left = place.here(ctx.request.submitter ?? (ctx.sourceElement.matches("a") ? ctx.sourceElement : null));
  step.same = address(ctx.response?.raw.url || ctx.request.action) === current;
  remember(step.left);
  step.from = current;
  dressRoot(text);

  const regions = regionsOf(document.body);
  const next = regionsOf(body);
  if (next.size === 0 || next.size !== regions.size || [...next.keys()].some((id) => !regions.has(id))) {
    page.swapSpec = { style: "outerHTML" };
    page.target = document.body;
    return;
  }
  dress(document.body, body);
  tasks.length = 0;
  for (const [id, region] of next) {
    if (id === "toasts" && ctx.request.method === "GET" && region.childElementCount === 0) continue; // what was done may still be undone
    const fragment = document.createDocumentFragment();
    const how = region.dataset["swap"];
    fragment.append(...(how === "inside" ? region.childNodes : [region]));
    const style = how === "inside" ? "innerHTML" : how === "morph" ? "outerMorph" : "outerHTML";
    tasks.push({ type: "oob", fragment, target: regions.get(id)!, swapSpec: { style }, sourceElement: ctx.sourceElement });
  }
}

function regionsOf(body: Element): Map<string, HTMLElement> {
  return new Map([...body.querySelectorAll<HTMLElement>("[data-swap][id]")].map((region) => [region.id, region]));
}

/** say shows the toasts of an answer that came too late to be shown itself. */
function say(body: Element): void {
  const toasts = body.querySelector("#toasts");
  if (toasts?.childElementCount) document.getElementById("toasts")?.replaceChildren(...toasts.childNodes);
}

/** dress gives an element the attributes of its successor. */
function dress(element: Element, next: Element): void {
  for (const name of element.getAttributeNames()) {
    if (!next.hasAttribute(name) && name !== "data-htmx-powered") element.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

/** dressRoot does the same for what htmx does not hand over: language, direction, theme and density of <html>, the icon. */
function dressRoot(text: string): void {
  const tag = /<html\b([^>]*)>/i.exec(text)?.[1];
  if (tag === undefined) return;
  const attributes = new Map([...tag.matchAll(/([\w-]+)="([^"&]*)"/g)].map(([, name, value]) => [name!, value!]));
  for (const name of ["lang", "dir", "data-theme", "data-density", "data-keys"]) {
    const value = attributes.get(name);
    if (value === undefined) document.documentElement.removeAttribute(name);
    else if (document.documentElement.getAttribute(name) !== value) document.documentElement.setAttribute(name, value);
  }
  const icon = document.querySelector('link[rel="icon"]');
  const href = /<link\b[^>]*\brel="icon"[^>]*\bhref="([^"&]+)"/i.exec(text)?.[1];
  if (icon && href && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
}

/** chooseEntry keeps history as a browser would: no second entry for the same page, none for a form drawn again. */
function chooseEntry(_: Detail, event: CustomEvent): void {
  const { history: update, response } = event.detail as { history: { type: string; path: string }; response?: Context["response"] };
  const step = [...underway].find((ctx) => ctx.response === response);
  if (step && step.request.method !== "GET" && !response?.raw.redirected) event.preventDefault();
  else if (address(update.path) === current) update.type = "replace";
}

/** arrive puts scroll and focus where they belong. */
function arrive(ctx: Context): void {
  const step = steps.get(ctx);
  if (!step || step.order !== shown) return;
  current = address(location.href);
  if (!step.same) closeWindows();
  let to: place.Place | undefined;
  if (step.back) {
    mark();
    to = places.get(entry);
  } else if (step.same) {
    to = step.left;
  } else if (before?.address === current && step.up) {
    to = { ...before.left, ticked: [] };
  }
  if (!step.same) before = { address: step.from, left: step.left };
  if (to) place.tick(to);
  if (!ctx.request.anchor) place.scroll(to);
  const focused = document.activeElement;
  if (step.same && focused && focused !== document.body && !focused.closest("#main")) return; // they went on elsewhere meanwhile
  const wrong = step.status === 422 ? document.querySelector<HTMLElement>('[aria-invalid="true"]') : null;
  if (wrong) wrong.focus();
  else if (!focused?.matches("[autofocus]") && !(to && place.focus(to))) heading();
}

/** heading moves the focus to what the page is called, so that readers say it and Tab goes on from there. */
function heading(): void {
  const main = document.querySelector("main");
  const target = main?.querySelector<HTMLElement>("h1") ?? main;
  if (!target) return;
  if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** closeWindows closes the phone's menu and whatever else lay over the page left. */
function closeWindows(): void {
  for (const open of document.querySelectorAll<HTMLElement>("[popover]:popover-open")) open.hidePopover();
}

let current = address(location.href); // of the page shown

function address(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}

/** mark names the history entry shown; fresh after one was pushed. */
function mark(fresh = false): void {
  const state = (history.state ?? {}) as EntryState;
  if (!fresh && state.entry) {
    entry = state.entry;
    return;
  }
  if (fresh || !entry) entry = Date.now().toString(36) + Math.random().toString(36).slice(2, 8);
  history.replaceState({ ...state, htmx: true, entry }, "");
}

function remember(left: place.Place): void {
  places.delete(entry);
  places.set(entry, left);
  const oldest = places.keys().next();
  if (places.size > maxPlaces && !oldest.done) places.delete(oldest.value);
}
