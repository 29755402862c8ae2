// Renews the pictures of screens while somebody sees the page, and asks again for those of files that were not made in
// time. Without this file the last picture stays.
"use strict";

const RENEW_MILLISECONDS = 30000;
// An <img> tells no status and no headers. This is the pause that agents name in Retry-After.
const AGAIN_MILLISECONDS = 5000;
// A page can have many late pictures, and a desktop makes two at a time.
const AGAIN_AT_ONCE = 4;
const AGAIN_TIMES = 6;
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

// Late pictures whose pause is over, and how many are asked for at the moment.
const late = [];
let asking = 0;

// Shows the picture of all files, and asks again for the file's own.
function waitFor(image) {
  const one = { image, address: image.src, times: 0 };
  image.src = image.dataset.meanwhile;
  delete image.dataset.meanwhile;
  pause(one);
}

function pause(one) {
  setTimeout(() => {
    late.push(one);
    askForLate();
  }, AGAIN_MILLISECONDS);
}

function askForLate() {
  while (asking < AGAIN_AT_ONCE && late.length) {
    asking += 1;
    ask(late.shift()).finally(() => {
      asking -= 1;
      askForLate();
    });
  }
}

async function ask(one) {
  if (!one.image.isConnected) return;
  const fresh = one.image.cloneNode();
  fresh.loading = "eager";
  fresh.src = one.address;
  one.times += 1;
  try {
    await fresh.decode();
  } catch {
    if (one.times < AGAIN_TIMES) pause(one);
    return;
  }
  one.image.replaceWith(fresh);
}

// The event does not bubble.
document.addEventListener("error", ({ target }) => target.dataset?.meanwhile && waitFor(target), true);
for (const image of document.querySelectorAll("img[data-meanwhile]")) {
  if (image.complete && !image.naturalWidth) waitFor(image);
}
