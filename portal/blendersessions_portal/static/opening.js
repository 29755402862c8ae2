// Goes on to Guacamole's page, which keeps its token in this browser. One of another person is dropped before.
"use strict";

const GUACAMOLES = ["GUAC_AUTH_TOKEN", "GUAC_HISTORY"];
const LAST = "blender-person";

const { person, target } = document.getElementById("opening").dataset;
try {
  if (localStorage.getItem(LAST) !== person) {
    for (const key of GUACAMOLES) localStorage.removeItem(key);
    localStorage.setItem(LAST, person);
  }
} catch (error) {
  // A browser that keeps nothing has nothing to drop.
}
location.replace(target);
