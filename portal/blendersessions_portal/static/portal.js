// Keeps the page current. Everything also works without this file: forms post, and pages refresh by themselves.
"use strict";

const PACES = {
  // First pause, factor and longest pause, in milliseconds.
  quick: { first: 300, factor: 1.12, longest: 2500 },
  slow: { first: 15000, factor: 1, longest: 15000 },
};
const LONGEST_AFTER_ERROR = 10000;

function announce(text) {
  const place = document.getElementById("announcement");
  if (text && place.textContent !== text) place.textContent = text;
}

// A replaced element would close an open question and lose the keyboard's place.
function replace(old, fresh) {
  if (old.outerHTML === fresh.outerHTML || old.querySelector(":popover-open")) return old;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(fresh);
  guardForms(fresh);
  if (focused) (document.getElementById(focused) || document.getElementById("main")).focus();
  announce(fresh.dataset.announce);
  return fresh;
}

async function fetchFragment(address, id) {
  const answer = await fetch(address, { cache: "no-store", headers: { Accept: "text/html" } });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
}

function keepCurrent(element) {
  let state = element.dataset.state || element.dataset.pace;
  let pause = PACES[element.dataset.pace].first;

  async function refresh() {
    const hidden = document.hidden && element.dataset.pace === "slow";
    try {
      const fresh = hidden ? element : await fetchFragment(element.dataset.refresh, element.id);
      if (fresh === null) {
        location.reload();
        return;
      }
      element = replace(element, fresh);
      if (element.dataset.next) {
        location.replace(element.dataset.next);
        return;
      }
      const pace = PACES[element.dataset.pace];
      if (!pace) return;
      const now = element.dataset.state || element.dataset.pace;
      pause = now === state ? Math.min(pause * pace.factor, pace.longest) : pace.first;
      state = now;
    } catch (error) {
      announce("The portal does not answer. This page keeps trying.");
      pause = Math.min(pause * 2, LONGEST_AFTER_ERROR);
    }
    setTimeout(refresh, pause);
  }
  setTimeout(refresh, pause);
}

// One click, one session.
function guardForms(root) {
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      form.setAttribute("aria-busy", "true");
    });
  }
}

guardForms(document);
for (const element of document.querySelectorAll("[data-refresh]")) keepCurrent(element);
for (const form of document.querySelectorAll("form[data-send]")) form.requestSubmit();

// A page that the Back button brings back is as it was left: with dead buttons and old news.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
