// Keeps a page up to date. Without this file everything works too: forms post, and a meta tag refreshes pages.
"use strict";

const PACES = {
  // `first` and `longest` are pauses in milliseconds. The pause grows by `factor` while the state stays the same.
  quick: { first: 300, factor: 1.12, longest: 2500 },
  slow: { first: 15000, factor: 1, longest: 15000 },
};
const LONGEST_MILLISECONDS_AFTER_ERROR = 10000;

function announce(text) {
  const place = document.getElementById("announcement");
  if (text && place.textContent !== text) place.textContent = text;
}

// Replacing an element closes its popover and loses the focus. So an element with an open popover is left alone, and
// the focus is set again.
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
      pause = Math.min(pause * 2, LONGEST_MILLISECONDS_AFTER_ERROR);
    }
    setTimeout(refresh, pause);
  }
  setTimeout(refresh, pause);
}

// The first click disables the form's buttons, so that a double click makes one session. That comes after the browser has
// collected the form's values: it leaves out those of a disabled button.
function guardForms(root) {
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.hasAttribute("aria-busy")) {
        event.preventDefault();
        return;
      }
      form.setAttribute("aria-busy", "true");
      setTimeout(() => {
        for (const button of form.querySelectorAll("button")) button.disabled = true;
      });
    });
  }
}

guardForms(document);
for (const element of document.querySelectorAll("[data-refresh]")) keepCurrent(element);
for (const form of document.querySelectorAll("form[data-send]")) form.requestSubmit();

// The Back button may restore a page from memory, with disabled buttons and an old state.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
