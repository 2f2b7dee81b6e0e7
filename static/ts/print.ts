// print.ts: a page made for paper is printed once all of it is there. Without it the browser's own command does.
import { behavior } from "./behavior";

behavior("print", (_, signal) => {
  const now = (): void => {
    requestAnimationFrame(() => requestAnimationFrame(() => window.print())); // frames have their height by then
  };
  if (document.readyState === "complete") now();
  else window.addEventListener("load", now, { signal, once: true });
});
