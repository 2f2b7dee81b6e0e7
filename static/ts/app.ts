// app.ts: what every page loads. Pages work without it; it makes them quick.
document.documentElement.classList.add("js");
