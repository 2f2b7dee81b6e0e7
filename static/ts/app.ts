// app.ts: what every page loads. Pages work without it; it makes them quick.
import "./htmx";
import * as appearance from "./appearance";
import * as behavior from "./behavior";
import * as busy from "./busy";
import * as keys from "./keys";
import * as nav from "./nav";
import * as zone from "./zone";
import "./addresses";
import "./composer";
import "./editor";
import "./frame";
import "./list";
import "./menu";
import "./offline";
import "./print";
import "./toast";
import "./upload";

document.documentElement.classList.add("js");
appearance.start();
behavior.start();
busy.start();
keys.start();
nav.start();
zone.start();
