// offline.ts: says when there is no network, and when Postern did not answer. Both notices are in the page, hidden.
import { behavior } from "./behavior";

behavior("offline", (notice, signal) => {
  const look = (): void => {
    notice.hidden = navigator.onLine;
    document.documentElement.classList.toggle("is-offline", !navigator.onLine);
  };
  window.addEventListener("online", look, { signal });
  window.addEventListener("offline", look, { signal });
  look();
});

behavior("unreachable", (notice, signal) => {
  document.addEventListener("postern:unreachable", () => (notice.hidden = !navigator.onLine), { signal });
  document.addEventListener("postern:reached", () => (notice.hidden = true), { signal });
});
