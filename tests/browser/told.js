// Writes down all that the screen tells about where work is, with the time, from the first paint to the last.
// Runs in every page before the page's own code; survives reloads in localStorage.
(() => {
  if (window.top !== window || location.protocol !== "http:") return;
  const tab = `${Date.now()}-${Math.random()}`;
  const text = (selector) => {
    const element = document.querySelector(selector);
    return element === null ? null : element.textContent.trim();
  };
  const kind = () => {
    const strip = document.querySelector(".strip");
    return strip === null ? null : (/strip-([a-z_]+)/.exec(strip.className) ?? [null, null])[1];
  };
  let last = "";
  let count = 0;
  const tell = (telling) => {
    localStorage.setItem(`told ${tab} ${String(count).padStart(6, "0")}`, JSON.stringify({ at: Date.now(), tab, ...telling }));
    count += 1;
  };
  const look = () => {
    const telling = { kind: kind(), strip: text(".strip [role=status]"), needs: text(".strip-needs"), message: text(".snackbar-text"), ready: text(".ready") };
    const line = JSON.stringify(telling);
    if (line === last) return;
    last = line;
    tell(telling);
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class"] });
  document.addEventListener("DOMContentLoaded", look);
  addEventListener("pagehide", () => tell({ kind: null, strip: null, needs: null, message: null, ready: null }));
})();
