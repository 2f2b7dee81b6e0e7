// behavior.ts: gives an element that says data-behavior="name" what the module of that name adds to it, when it comes
// into the page and for as long as it stays, however it came. An element may name several, with spaces between.

/** Called once for each element; signal aborts when the element leaves the page, so hand it to every listener. */
type Attach = (element: HTMLElement, signal: AbortSignal) => void;

const known = new Map<string, Attach>();
const attached = new WeakMap<Element, AbortController>();

/** behavior registers what data-behavior="name" means. Call it before start. */
export function behavior<E extends HTMLElement = HTMLElement>(name: string, attach: (element: E, signal: AbortSignal) => void): void {
  known.set(name, attach as unknown as Attach);
}

/** start attaches behaviours to the page as it is and to whatever comes later. */
export function start(): void {
  each(document.documentElement, enter);
  new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.removedNodes) each(node, leave);
      for (const node of record.addedNodes) each(node, enter);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
}

function each(node: Node, run: (element: HTMLElement) => void): void {
  if (!(node instanceof Element)) return;
  if (node.matches("[data-behavior]")) run(node as HTMLElement);
  for (const element of node.querySelectorAll<HTMLElement>("[data-behavior]")) run(element);
}

function enter(element: HTMLElement): void {
  if (!element.isConnected || attached.has(element)) return;
  const controller = new AbortController();
  attached.set(element, controller);
  for (const name of element.dataset["behavior"]!.split(/\s+/)) {
    try {
      known.get(name)?.(element, controller.signal);
    } catch (error) {
      console.error(`behavior ${name}:`, error); // the others, and the page, go on
    }
  }
}

function leave(element: HTMLElement): void {
  if (element.isConnected) return; // it was only moved
  attached.get(element)?.abort();
  attached.delete(element);
}
