// menu.ts: one <details> menu open at a time; Escape or a click elsewhere closes it, arrows move in it, and it opens to
// where there is room. Without it menus open and close by their button.
import { behavior } from "./behavior";

const items = "a[href], button:not(:disabled), input:not(:disabled), summary";

behavior<HTMLDetailsElement>("menu", (menu, signal) => {
  const button = menu.querySelector<HTMLElement>("summary");
  const pop = button?.nextElementSibling as HTMLElement | null;
  if (!button || !pop) return;
  const drawn = pop.className; // where the server lets it open
  let opened: AbortController | undefined; // listeners while it is open
  signal.addEventListener("abort", () => opened?.abort());

  menu.addEventListener("toggle", () => {
    opened?.abort();
    if (!menu.open) return;
    opened = new AbortController();
    for (const other of document.querySelectorAll<HTMLDetailsElement>('details[data-behavior~="menu"][open]')) {
      if (other !== menu && !other.contains(menu)) other.open = false;
    }
    pop.className = drawn;
    fit(pop);
    document.addEventListener("pointerdown", (event) => {
      if (!menu.contains(event.target as Node)) menu.open = false;
    }, { signal: opened.signal });
  }, { signal });

  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      button.focus();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !(event.target as Element).matches("input[type=text], input[type=search], textarea")) {
      menu.open = true;
      const choices = [...pop.querySelectorAll<HTMLElement>(items)].filter((item) => item.checkVisibility());
      const at = choices.indexOf(document.activeElement as HTMLElement);
      const step = event.key === "ArrowDown" ? 1 : -1;
      choices.at((at < 0 && step < 0 ? -1 : at + step) % (choices.length || 1))?.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }, { signal });

  // a choice closes the menu; boxes stay, since several may be ticked
  pop.addEventListener("click", (event) => {
    if ((event.target as Element).closest("a, button")) menu.open = false;
  }, { signal });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget as Node)) menu.open = false;
  }, { signal });
});

/** fit turns a menu that would leave the window to the other side, where it fits. */
function fit(pop: HTMLElement): void {
  const box = pop.getBoundingClientRect();
  if (box.bottom > innerHeight && box.height < box.top) pop.classList.add("at-top");
  if (box.left < 0) pop.classList.add("at-start");
  else if (box.right > innerWidth) pop.classList.remove("at-start");
}
