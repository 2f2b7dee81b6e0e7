// frame.ts: a letter's frame is as high as the letter. The frame is sandboxed without scripts and keeps our origin, so
// that it can be measured from here; its keys count as if pressed on the page. Without it the frame scrolls.
import { behavior } from "./behavior";
import { press } from "./keys";

const maxHeight = 60_000; // px; a letter that claims more scrolls
const maxChanges = 40; // a letter whose height follows the frame's would grow for ever

behavior<HTMLIFrameElement>("frame", (frame, signal) => {
  let observer: ResizeObserver | undefined;
  signal.addEventListener("abort", () => observer?.disconnect());

  const open = (): void => {
    observer?.disconnect();
    const letter = frame.contentDocument;
    if (!letter?.body || letter.URL === "about:blank") return;
    letter.addEventListener("keydown", press, { signal });
    letter.addEventListener("pointerdown", () => document.dispatchEvent(new PointerEvent("pointerdown")), { signal });

    let changes = 0;
    const measure = (): void => {
      const root = letter.documentElement;
      const bar = frame.clientHeight - root.clientHeight; // room a scroll bar under a wide letter takes
      const height = Math.min(maxHeight, Math.ceil(Math.max(root.offsetHeight, letter.body.scrollHeight)) + bar);
      if (height === frame.clientHeight || changes++ > maxChanges) return;
      frame.style.blockSize = `${height + frame.offsetHeight - frame.clientHeight}px`;
    };
    observer = new ResizeObserver(measure);
    observer.observe(letter.documentElement);
    observer.observe(letter.body);
    frame.addEventListener("load", measure, { signal });
    measure();
  };
  frame.addEventListener("load", open, { signal });
  if (frame.contentDocument?.readyState === "complete") open();
});
