/**
 * What the office's pages need of a script: the look chosen on this device, and instants in the reader's own clock. It shares nothing
 * with the app, so that phones need no further file for its sake.
 */
const theme: unknown = JSON.parse(localStorage.getItem("holdfast:device:theme") ?? "null");
if (typeof theme === "string" && theme !== "auto") document.documentElement.dataset["theme"] = theme;

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time")) time.textContent = format.format(new Date(time.dateTime));
