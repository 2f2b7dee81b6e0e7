// composer.ts: nothing typed is lost. Leaving a changed letter saves it as a draft first, or asks; closing the window
// asks. Without it "Save draft" does.
//
// The element holds the form, the button that saves (data-save) and the question (data-leave).
import type { Context } from "../vendor/htmx/htmx.esm.js";
import { behavior } from "./behavior";

behavior("composer", (composer, signal) => {
  const form = composer.querySelector("form");
  if (!form) return;
  let changed = composer.dataset["changed"] === "true"; // the server drew words that are nowhere kept

  for (const event of ["input", "change"]) {
    composer.addEventListener(event, () => (changed = true), { signal });
  }
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  }, { signal });
  form.addEventListener("submit", () => {
    if (!form.hasAttribute("data-htmx-powered")) changed = false; // the browser leaves the page
  }, { signal });

  // what the server took is kept: the page that answers may be loaded anew
  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = (event as CustomEvent<{ ctx: Context }>).detail;
    if (ctx.request.form === form && ctx.response?.raw.ok) changed = false;
  }, { signal });

  // Enter in a line goes on to the next; it does not send half a letter
  form.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (!(field instanceof HTMLInputElement) || !["text", "email", "search"].includes(field.type)) return;
    event.preventDefault();
    const fields = [...form.querySelectorAll<HTMLElement>("input:not([type=hidden]), select, textarea, [contenteditable]")].filter((f) => f.checkVisibility());
    fields[fields.indexOf(field) + 1]?.focus();
  }, { signal });

  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = (event as CustomEvent<{ ctx: Context }>).detail;
    if (!changed || ctx.request.form === form) return;
    const fetch = ctx.fetch;
    ctx.fetch = async (url, init) => {
      if (changed && !(await save()) && !confirm(composer.dataset["leave"] ?? "")) {
        throw new DOMException("stayed with the letter", "AbortError");
      }
      changed = false;
      return fetch(url, init);
    };
  }, { signal });

  /** save keeps the letter as a draft, and says whether it could. */
  async function save(): Promise<boolean> {
    const button = composer.querySelector<HTMLButtonElement>("[data-save]");
    if (!button || !form) return false;
    const action = button.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
    try {
      const answer = await fetch(action, {
        method: "POST",
        body: new FormData(form, button),
        headers: { Accept: "text/html" },
        signal: AbortSignal.timeout(20_000),
      });
      return answer.ok;
    } catch {
      return false;
    }
  }
});
