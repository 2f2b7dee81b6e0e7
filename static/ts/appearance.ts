// appearance.ts: theme and density change as they are chosen. The buttons are submit buttons of a form, which keeps the
// choice with the account; without script the answer shows it.

const choices = { theme: "data-set-theme", density: "data-set-density" } as const;

export function start(): void {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    for (const [name, attribute] of Object.entries(choices)) {
      const button = event.target.closest(`[${attribute}]`);
      if (!button) continue;
      const value = button.getAttribute(attribute);
      if (value) document.documentElement.dataset[name] = value;
      else delete document.documentElement.dataset[name];
    }
  });
}
