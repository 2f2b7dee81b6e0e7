// toast.ts: hides a toast once its time is up. Without it the toast stays, and its Undo button is still an ordinary form.
import { behavior } from "./behavior";

const longer = 20_000; // ms, from when it last had the pointer or the focus

behavior<HTMLFormElement>("toast", (toast, signal) => {
  const hide = (): void => {
    toast.hidden = true;
  };
  toast.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("name") !== "dismiss") return;
    event.preventDefault();
    event.stopImmediatePropagation(); // nothing to tell the server
    hide();
  }, { signal, capture: true });

  const millis = Number(toast.dataset["millis"]);
  if (!millis) return; // it stays until dismissed
  let timer = setTimeout(hide, millis);
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => (toast.matches(":hover, :focus-within") ? wait() : hide()), longer);
  };
  for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, wait, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
});
