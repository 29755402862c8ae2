// Counts on how many seconds a start has taken, between two parts from the portal. Without this file the number of the
// last part stays.
"use strict";

const COUNT_MILLISECONDS = 1000;
const countedFrom = new WeakMap();

function countOn() {
  for (const place of document.querySelectorAll("[data-count]")) {
    if (!countedFrom.has(place)) countedFrom.set(place, performance.now());
    const passed = (performance.now() - countedFrom.get(place)) / 1000;
    place.textContent = Math.floor(Number(place.dataset.count) + passed);
  }
}

document.addEventListener("refreshed", countOn);
setInterval(countOn, COUNT_MILLISECONDS);
countOn();
