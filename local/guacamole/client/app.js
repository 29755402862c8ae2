/** The page: its views (log-in, home and desktop), and the changes between them. */

import * as api from "./api.js";
import { Desktop } from "./desktop.js";

const RETRY_SECONDS = 15;
// Status codes of Guacamole (Guacamole.Status.Code in guacamole-common-js).
const LOST_TOKEN = 0x0301;
const NO_SUCH_CONNECTION = 0x0204;
const UNREACHABLE = [0x0200, 0x0202, 0x0203, 0x0207, 0x0208, 0x0308];
const REASONS = {
    0x0205: "This connection is in use and has reached its limit of users.",
    0x0303: "You do not have permission to use this connection.",
    0x031D: "You have this connection open too many times.",
};

const $ = (id) => document.getElementById(id);
let session = null;
let desktop = null;
let wanted = null;
let countdown = null;

/** Parse `#/client/IDENTIFIER?name=value&...` or `#/?name=value&...`. */
function readHash() {
    const [path, query] = location.hash.replace(/^#/, "").split("?", 2);
    const match = /^\/client\/([^/]+)/.exec(path);
    return { client: match ? decodeClient(decodeURIComponent(match[1])) : null, params: new URLSearchParams(query || "") };
}

/** Decode a client identifier: base64url of `id \0 c \0 dataSource`. Return null if it is malformed. */
function decodeClient(text) {
    try {
        const [identifier, type, dataSource] = atob(text.replace(/-/g, "+").replace(/_/g, "/")).split("\0");
        return dataSource ? { identifier, type, dataSource, text } : null;
    } catch {
        return null;
    }
}

function encodeClient({ identifier, dataSource }) {
    const text = btoa(`${identifier}\0c\0${dataSource}`);
    return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function show(state) {
    document.body.dataset.state = state;
    for (const [id, states] of Object.entries({ login: ["login"], home: ["home"], desktop: ["connecting", "connected", "closed"] }))
        $(id).hidden = !states.includes(state);
}

/** Remove the token from the address bar, so that it stays out of bookmarks and the browser's history. */
function hideCredentials(route) {
    if (![...route.params.keys()].length)
        return;
    const path = route.client ? `#/client/${route.client.text}` : "#/";
    history.replaceState(null, "", location.pathname + path);
}

async function start() {
    stop();
    const route = readHash();
    wanted = route.client;
    hideCredentials(route);
    try {
        session = await findSession(route.params);
        await open();
    } catch (error) {
        fail(error);
    }
}

async function findSession(params) {
    const given = {};
    for (const name of ["token", "username", "password"])
        if (params.has(name))
            given[name] = params.get(name);
    if (!given.token && session && !Object.keys(given).length)
        return session;
    const token = given.token || api.storedToken();
    const sent = token ? { ...given, token } : given;
    const found = await api.signIn(sent).catch((error) => {
        api.forget(token);
        // Without anything to send, a proxy's header may have named the user. It did not.
        throw Object.keys(sent).length ? error : new api.LoginNeeded("");
    });
    await api.keep(found);
    return found;
}

async function open() {
    if (wanted)
        return connect();
    const all = await api.connections(session);
    if (all.length === 1) {
        wanted = all[0];
        history.replaceState(null, "", `#/client/${encodeClient(wanted)}`);
        return connect();
    }
    showHome(all);
}

function showHome(all) {
    document.title = "Home (stand-in for Apache Guacamole)";
    $("connections").replaceChildren(...all.map((connection) => {
        const item = document.createElement("li"), link = document.createElement("a");
        link.href = `#/client/${encodeClient(connection)}`;
        link.textContent = connection.name;
        item.append(link);
        return item;
    }));
    $("nothing").hidden = all.length > 0;
    show("home");
}

async function connect() {
    hideNotice();
    show("connecting");
    const found = session.availableDataSources.includes(wanted.dataSource) ? await api.connection(session, wanted) : null;
    if (!found) {
        show("closed");
        notice("Connection error", "The requested connection does not exist.");
        return;
    }
    document.title = found.name;
    notice("Connecting", "Connecting to the desktop…", { buttons: [] });
    desktop = new Desktop($("desktop"), {
        onstate: (state) => { hideNotice(); show(state); },
        onclose: closed,
        onclipboard: (text) => { $("clipboard").value = text; },
        onmenu: () => menu(true),
    });
    desktop.connect(session.authToken, wanted);
}

/** Show why the tunnel ended. The status is null if it ended without an error. */
function closed(status) {
    desktop = null;
    menu(false);
    show("closed");
    const code = status?.code ?? 0;
    if (code === LOST_TOKEN)
        return fail(new api.LoginNeeded("You have been signed out."));
    if (UNREACHABLE.includes(code))
        return retryLater();
    if (code === NO_SUCH_CONNECTION)
        return notice("Connection error", "The requested connection does not exist.");
    if (code)
        return notice("Connection error", REASONS[code] || `The connection was closed with the code ${code}.`);
    return notice("Disconnected", "You have been disconnected.");
}

function retryLater() {
    let left = RETRY_SECONDS;
    const display = () => { $("notice-countdown").textContent = `Reconnecting in ${left} seconds…`; };
    notice("Connection error", "The remote desktop server is currently unreachable.");
    display();
    countdown = setInterval(() => {
        left -= 1;
        display();
        if (left <= 0)
            reconnect();
    }, 1000);
}

function reconnect() {
    hideNotice();
    connect().catch(fail);
}

function fail(error) {
    stop();
    if (error instanceof api.LoginNeeded) {
        if (session)
            api.forget(session.authToken);
        session = null;
        document.title = "Log in (stand-in for Apache Guacamole)";
        $("login-error").textContent = error.message;
        show("login");
        $("login").elements.username.focus();
        return;
    }
    show("closed");
    notice("Error", error.message);
}

function stop() {
    hideNotice();
    menu(false);
    desktop?.close();
    desktop = null;
}

function notice(title, text, { buttons = ["reconnect", "home", "logout"] } = {}) {
    $("notice-title").textContent = title;
    $("notice-text").textContent = text;
    for (const button of $("notice").querySelectorAll("button"))
        button.hidden = !buttons.includes(button.dataset.action);
    if (!$("notice").open)
        $("notice").showModal();
}

function hideNotice() {
    clearInterval(countdown);
    $("notice-countdown").textContent = "";
    if ($("notice").open)
        $("notice").close();
}

function menu(open) {
    $("menu").hidden = !open;
    desktop?.pause(open);
    if (open)
        $("clipboard").focus();
}

const ACTIONS = {
    reconnect,
    home: async () => {
        stop();
        wanted = null;
        history.replaceState(null, "", "#/");
        // This shows the list even if it has one connection, which `open` would connect to.
        await api.connections(session).then(showHome).catch(fail);
    },
    logout: async () => {
        stop();
        if (session)
            await api.signOut(session);
        session = null;
        fail(new api.LoginNeeded(""));
    },
    "close-menu": () => {
        desktop?.sendClipboard($("clipboard").value);
        menu(false);
    },
};

document.addEventListener("click", (event) => {
    const action = event.target.closest("button")?.dataset.action;
    if (action)
        ACTIONS[action]();
});
$("notice").addEventListener("cancel", (event) => event.preventDefault());
$("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
        session = await api.signIn(Object.fromEntries(new FormData(event.target)));
        await api.keep(session);
        event.target.reset();
        $("login-error").textContent = "";
        await open();
    } catch (error) {
        fail(error);
    }
});
window.addEventListener("hashchange", start);
window.addEventListener("pagehide", () => desktop?.close());
start();
