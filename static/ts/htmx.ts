// htmx.ts: htmx, held to our rules. It may turn answers of our own server into elements, through the one Trusted Types
// policy of the page ("postern"), and it may never run code it finds in attributes or in answers.
import "./htmx-config";
import htmx from "../vendor/htmx/htmx.esm.js";

interface Policy {
  createHTML(text: string): string;
  createScript(text: string): string;
}

const rules: Policy = { createHTML: (text) => text, createScript: () => "" };
const types = (window as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }).trustedTypes;
const policy = types?.createPolicy("postern", rules) ?? rules;

function refuse(): never {
  throw new Error("code in attributes is not run");
}

htmx.registerExtension("trusted", { init: (internals) => internals.initSecurity(policy, refuse, refuse) });

/** elements parses an answer of our server; it must not be given anything else. */
export function elements(answer: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(answer);
  return template.content;
}

export { htmx };
