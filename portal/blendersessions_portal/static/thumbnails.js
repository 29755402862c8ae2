// Renews the pictures of screens while somebody sees the page. Without this file the last picture stays.
"use strict";

const RENEW_MILLISECONDS = 30000;
// The newest picture of each screen, by its address: the element, and when it was asked for.
const screens = new Map();

// The old picture stays until the new one can be drawn. Without a new one it stays too.
async function renew(old) {
  const address = old.dataset.screen;
  const fresh = old.cloneNode();
  screens.set(address, { element: old, at: performance.now() });
  fresh.loading = "eager";
  fresh.src = `${address}?fresh=${Date.now()}`;
  try {
    await fresh.decode();
  } catch {
    return;
  }
  screens.get(address).element = fresh;
  // The page may show another element by now.
  for (const shown of screensIn(document)) if (shown.dataset.screen === address) shown.replaceWith(fresh);
}

function screensIn(root) {
  return [...root.querySelectorAll("img[data-screen]")];
}

function renewAll() {
  if (document.hidden) return;
  for (const image of screensIn(document)) {
    const known = screens.get(image.dataset.screen);
    // Timers are not exact.
    if (!known || performance.now() - known.at >= RENEW_MILLISECONDS - 1000) renew(image);
  }
}

// A part of the page that the portal sent anew has the first picture again. The newest one takes its place.
document.addEventListener("refreshed", (event) => {
  for (const image of screensIn(event.detail)) {
    const known = screens.get(image.dataset.screen);
    if (known && known.element !== image) {
      known.element.className = image.className;
      known.element.alt = image.alt;
      image.replaceWith(known.element);
    }
  }
  renewAll();
});
document.addEventListener("visibilitychange", renewAll);
setInterval(renewAll, RENEW_MILLISECONDS);
renewAll();
