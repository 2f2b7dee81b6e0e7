// The little of htmx that static/ts uses. htmx.esm.js beside it is upstream's file, untouched.

/** What one request carries through its events. */
export interface Context {
  sourceElement: Element;
  target: Element;
  text?: string;
  status: string;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  request: {
    action: string;
    method: string;
    headers: Record<string, string>;
    anchor?: string;
    form?: HTMLFormElement | null;
    submitter?: HTMLElement | null;
    abort?: (reason?: unknown) => void;
  };
  response?: { raw: Response; status: number };
}

/** One replacement a response leads to. */
export interface Task {
  type: "main" | "oob" | "partial";
  fragment: DocumentFragment;
  target: Element;
  swapSpec: { style: string; [modifier: string]: unknown };
  sourceElement: Element;
}

interface Policy {
  createHTML(text: string): unknown;
  createScript(text: string): unknown;
}

interface Internals {
  initSecurity(policy: Policy, sync: () => void, async: () => void): void;
}

declare const htmx: {
  registerExtension(name: string, extension: { init(internals: Internals): void }): void;
  process(root: Element): void;
};
export default htmx;
