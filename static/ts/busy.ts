// busy.ts: a button that was pressed is not pressed again until the answer is there, and turns after a moment.
import type { Context } from "../vendor/htmx/htmx.esm.js";

const moment = 250; // ms before it shows; most answers are sooner

export function start(): void {
  document.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("aria-busy") === "true") {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, { capture: true });
  document.addEventListener("htmx:before:request", (event) => {
    const button = buttonOf(event);
    if (!button) return;
    button.setAttribute("aria-busy", "true");
    setTimeout(() => button.classList.toggle("is-busy", button.getAttribute("aria-busy") === "true"), moment);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const button = buttonOf(event);
    button?.removeAttribute("aria-busy");
    button?.classList.remove("is-busy");
  });
}

function buttonOf(event: Event): HTMLElement | null {
  return (event as CustomEvent<{ ctx: Context }>).detail.ctx.request.submitter ?? null;
}
