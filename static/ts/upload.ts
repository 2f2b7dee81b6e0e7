// upload.ts: files are sent while the letter is being written, one after the other, picked, pasted or dropped anywhere
// on the window. Without it the file field goes with the form.
//
// The element has data-attach, where a file is posted as the field "file" with the fields of the form, and holds
// input[type=file][data-upload], <ul id="uploads"> and <template data-upload-row> with a row whose .fname, .size, progress
// and button[data-cancel] are filled in. An answer is HTML: what it holds with an id takes the place of what has that id
// (the list, and hidden fields). data-max-bytes, data-text-too-large and data-text-failed are said in the row.
import { behavior } from "./behavior";
import { elements } from "./htmx";

behavior("upload", (element, signal) => {
  const form = element.querySelector("form");
  const field = element.querySelector<HTMLInputElement>("input[type=file][data-upload]");
  const template = element.querySelector<HTMLTemplateElement>("template[data-upload-row]");
  const url = element.dataset["attach"];
  if (!form || !field || !template || !url) return;
  const most = Number(element.dataset["maxBytes"]) || Infinity;
  const waiting: { file: File; row: HTMLElement }[] = [];
  let current: XMLHttpRequest | undefined;
  let sender: HTMLElement | null | undefined; // the button that waits for the files

  field.addEventListener("change", () => {
    add(field.files);
    field.value = "";
  }, { signal });
  element.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) {
      add(event.clipboardData.files);
      event.preventDefault();
    }
  }, { signal });

  // the whole window takes files while a letter is open
  const holds = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  const drop = element.querySelector<HTMLElement>(".drop");
  let over = 0; // elements entered and not left
  const cover = (n: number): void => {
    over = Math.max(0, n);
    if (drop) drop.hidden = over === 0;
  };
  window.addEventListener("dragenter", (event) => holds(event) && cover(over + 1), { signal });
  window.addEventListener("dragleave", (event) => holds(event) && cover(over - 1), { signal });
  window.addEventListener("dragover", (event) => holds(event) && event.preventDefault(), { signal });
  window.addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    cover(0);
    add(event.dataTransfer?.files);
  }, { signal });

  function list(): HTMLElement | null {
    return element.querySelector<HTMLElement>("#uploads");
  }

  function add(files: FileList | null | undefined): void {
    for (const file of files ?? []) {
      const row = (template!.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
      row.dataset["uploading"] = "";
      const name = row.querySelector<HTMLElement>(".fname");
      if (name) name.textContent = file.name;
      list()?.append(row);
      row.querySelector("[data-cancel]")?.addEventListener("click", () => cancel(row), { signal });
      if (file.size > most) fail(row, element.dataset["textTooLarge"] ?? "");
      else waiting.push({ file, row });
    }
    next();
  }

  function next(): void {
    if (current) return;
    const job = waiting.shift();
    if (!job) {
      if (sender !== undefined) {
        const button = sender;
        sender = undefined;
        button?.removeAttribute("aria-busy");
        button?.classList.remove("is-busy");
        if (!list()?.querySelector(".is-bad")) form!.requestSubmit(button);
      }
      return;
    }
    const { file, row } = job;
    const request = (current = new XMLHttpRequest());
    row.dataset["uploading"] = "now";
    const progress = row.querySelector("progress");
    const size = row.querySelector<HTMLElement>(".size");
    request.upload.addEventListener("progress", (event) => {
      if (progress) {
        progress.max = event.total;
        progress.value = event.loaded;
      }
      if (size) size.textContent = percent.format(event.total ? event.loaded / event.total : 0);
    });
    request.addEventListener("loadend", () => {
      current = undefined;
      if (request.status >= 200 && request.status < 300 && take(request.responseText, row)) row.remove();
      else if (request.status > 0 || row.isConnected) fail(row, element.dataset["textFailed"] ?? "");
      next();
    });
    request.open("POST", url!);
    request.setRequestHeader("Accept", "text/html");
    request.setRequestHeader("HX-Request", "true");
    const body = new FormData(form!);
    body.set("file", file, file.name);
    request.send(body);
  }

  /** take puts what the server drew in place; false when it drew no list, as when the session has ended. */
  function take(answer: string, row: HTMLElement): boolean {
    const drawn = elements(answer);
    const files = drawn.querySelector<HTMLElement>("#uploads");
    const old = list();
    if (!files || !old) return false;
    for (const other of old.querySelectorAll<HTMLElement>("[data-uploading]")) {
      if (other !== row) files.append(other);
    }
    old.replaceWith(files);
    for (const fresh of drawn.querySelectorAll<HTMLElement>("input[type=hidden][id]")) {
      document.getElementById(fresh.id)?.replaceWith(fresh);
    }
    element.dispatchEvent(new InputEvent("input", { bubbles: true }));
    return true;
  }

  function cancel(row: HTMLElement): void {
    const now = row.dataset["uploading"] === "now";
    const at = waiting.findIndex((job) => job.row === row);
    if (at >= 0) waiting.splice(at, 1);
    row.remove();
    if (now) current?.abort();
  }

  function fail(row: HTMLElement, words: string): void {
    row.classList.add("is-bad");
    row.dataset["uploading"] = "failed";
    row.querySelector("progress")?.remove();
    const size = row.querySelector<HTMLElement>(".size");
    if (size) size.textContent = words;
  }

  // sending waits for the files and goes on by itself when they are there
  form.addEventListener("submit", (event) => {
    if (!current && waiting.length === 0) return;
    if (event.submitter?.hasAttribute("data-save")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    sender = event.submitter;
    sender?.setAttribute("aria-busy", "true");
    sender?.classList.add("is-busy");
  }, { signal, capture: true });
  signal.addEventListener("abort", () => {
    waiting.length = 0;
    current?.abort();
  });
});

const percent = new Intl.NumberFormat(document.documentElement.lang || "en", { style: "percent" });
