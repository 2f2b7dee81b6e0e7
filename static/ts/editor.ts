// editor.ts: writing with bold, lists and links. The server draws the editor with the letter in it, and a textarea for
// plain text beside it; what is in the editor is sent as the field "html", and "mode" says which of the two counts.
// Without script only the textarea is there.
//
// In one .composer or form: .editor with data-behavior="editor" and contenteditable, textarea[name=text], input[name=mode],
// buttons with data-command (bold, italic, underline, insertUnorderedList, insertOrderedList, quote, link, removeFormat)
// and data-editor-mode (text, html). data-prompt of the link button asks for the address.
import { behavior } from "./behavior";

behavior("editor", (editor, signal) => {
  const composer = editor.closest(".composer") ?? editor.closest("form");
  const form = editor.closest("form");
  const plain = form?.querySelector<HTMLTextAreaElement>("textarea[name=text]");
  const mode = form?.querySelector<HTMLInputElement>("input[name=mode]");
  if (!composer || !form || !plain || !mode) return;

  const commands = [...composer.querySelectorAll<HTMLButtonElement>("[data-command]")];
  document.execCommand("defaultParagraphSeparator", false, "p");

  /** write shows the editor or the textarea. */
  function write(as: string): void {
    const rich = as === "html";
    mode!.value = rich ? "html" : "text";
    editor.hidden = !rich;
    plain!.hidden = rich;
    for (const bar of composer!.querySelectorAll<HTMLElement>(".format")) bar.hidden = !rich;
    for (const button of composer!.querySelectorAll<HTMLElement>("[data-editor-mode]")) {
      button.hidden = button.dataset["editorMode"] === mode!.value;
    }
  }

  form.addEventListener("formdata", (event) => {
    if (mode.value !== "html") return;
    event.formData.set("html", editor.innerHTML);
    event.formData.set("text", editor.innerText);
  }, { signal });

  for (const button of composer.querySelectorAll<HTMLElement>("[data-editor-mode]")) {
    button.addEventListener("click", () => {
      const to = button.dataset["editorMode"] ?? "text";
      if (to === "text") {
        plain.value = editor.innerText.replace(/\n{3,}/g, "\n\n").trimEnd() + "\n";
      } else {
        editor.replaceChildren(...paragraphs(plain.value));
      }
      write(to);
      (to === "text" ? plain : editor).focus();
      editor.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }, { signal });
  }

  for (const button of commands) {
    button.addEventListener("pointerdown", (event) => event.preventDefault(), { signal }); // the selection stays
    button.addEventListener("click", () => {
      editor.focus();
      run(button.dataset["command"] ?? "", button.dataset["prompt"] ?? "");
      show();
    }, { signal });
  }

  function run(command: string, prompt: string): void {
    switch (command) {
      case "quote": {
        const inside = anchor()?.closest("blockquote");
        document.execCommand(inside && editor.contains(inside) ? "outdent" : "formatBlock", false, "blockquote");
        break;
      }
      case "link": {
        const there = anchor()?.closest("a");
        const url = address(window.prompt(prompt, there?.getAttribute("href") ?? "https://") ?? "");
        if (url === "") document.execCommand("unlink");
        else if (url) linkTo(url);
        break;
      }
      case "removeFormat":
        document.execCommand("removeFormat");
        document.execCommand("unlink");
        break;
      default:
        document.execCommand(command);
    }
  }

  function linkTo(url: string): void {
    if (getSelection()?.isCollapsed) {
      document.execCommand("insertText", false, url);
      const selection = getSelection();
      const node = selection?.anchorNode;
      if (node && selection) selection.setBaseAndExtent(node, Math.max(0, selection.anchorOffset - url.length), node, selection.anchorOffset);
    }
    document.execCommand("createLink", false, url);
  }

  /** show presses in the buttons of what the cursor stands in. */
  function show(): void {
    if (!editor.contains(anchor())) return;
    for (const button of commands) {
      const command = button.dataset["command"] ?? "";
      if (!button.hasAttribute("aria-pressed")) continue;
      const on = command === "quote" ? anchor()?.closest("blockquote") != null : document.queryCommandState(command);
      button.setAttribute("aria-pressed", String(on));
    }
  }
  document.addEventListener("selectionchange", show, { signal });

  write(mode.dataset["with"] ?? mode.value);
});

function anchor(): Element | null {
  const node = getSelection()?.anchorNode ?? null;
  return node instanceof Element ? node : (node?.parentElement ?? null);
}

/** address makes a web or mail address of what was typed; empty to take the link away, null when it is neither. */
function address(typed: string): string | null {
  const text = typed.trim();
  if (text === "" || text === "https://") return "";
  if (/^[^\s@/:]+@[^\s@/:]+$/.test(text)) return `mailto:${text}`;
  const url = URL.parse?.(text) ?? (/^[a-z][a-z0-9+.-]*:/i.test(text) ? null : URL.parse?.(`https://${text}`));
  return url && ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** paragraphs makes elements of plain text: empty lines divide, line ends break. */
function paragraphs(text: string): HTMLElement[] {
  return text.trimEnd().split(/\n{2,}/).map((block) => {
    const p = document.createElement("p");
    block.split("\n").forEach((line, i) => {
      if (i > 0) p.append(document.createElement("br"));
      p.append(line);
    });
    if (!p.hasChildNodes() || p.textContent === "") p.append(document.createElement("br"));
    return p;
  });
}
