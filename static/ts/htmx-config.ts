// htmx-config.ts: the settings htmx reads while it loads; imported before it.
const meta = document.createElement("meta");
meta.name = "htmx-config";
meta.content = JSON.stringify({
  prefix: "", // only hx- attributes count, not data-hx- ones
  includeIndicatorCSS: false, // static/css has it
  defaultSettleDelay: 0, // no frame between the swap and what follows it
  extensions: "trusted", // no other may register
});
document.head.append(meta);
