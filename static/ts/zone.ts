// zone.ts: tells the server the person's time zone, by which it writes dates: in a cookie, and in the sign-in form's
// field "tz". Without it the server uses the zone of the settings, or its own.
import { behavior } from "./behavior";

const cookie = "postern_tz";
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function start(): void {
  if (!zone) return;
  const wanted = `${cookie}=${encodeURIComponent(zone)}`;
  if (document.cookie.split("; ").includes(wanted)) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${wanted}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

behavior<HTMLInputElement>("zone", (field) => {
  field.value = zone;
});
