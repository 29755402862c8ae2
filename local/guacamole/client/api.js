/** The REST calls that the page makes, and the token in the browser's storage. */

const STORAGE_KEY = "GUAC_AUTH_TOKEN";

/** Somebody has to log in (again). */
export class LoginNeeded extends Error {}

/** The token that an earlier page left, or null. Apache's page keeps it quoted as JSON under the same name. */
export function storedToken() {
    try {
        return JSON.parse(localStorage.getItem(STORAGE_KEY));
    } catch {
        return null;
    }
}

/**
 * Start a session, or take up the one of a live token.
 * @param {Object<string, string>} credentials what the form, the link or the storage holds
 * @returns {Promise<{authToken: string, username: string, dataSource: string}>}
 * @throws {LoginNeeded} if the credentials are refused
 */
export async function signIn(credentials) {
    const answer = await fetch("api/tokens", { method: "POST", body: new URLSearchParams(credentials) });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok)
        throw new LoginNeeded(body.message || `The server answered ${answer.status}.`);
    return body;
}

/**
 * Keep a session for the pages to come. As on Apache's page, a browser holds one: another one that it held is signed out.
 */
export async function keep(session) {
    const earlier = storedToken();
    if (earlier === session.authToken)
        return;
    localStorage.setItem(STORAGE_KEY, JSON.stringify(session.authToken));
    if (earlier)
        await fetch(`api/tokens/${encodeURIComponent(earlier)}`, { method: "DELETE" });
}

/** Forget the stored token if it is this one. */
export function forget(token) {
    if (storedToken() === token)
        localStorage.removeItem(STORAGE_KEY);
}

/** Sign a session out. */
export async function signOut(session) {
    forget(session.authToken);
    await fetch(`api/tokens/${encodeURIComponent(session.authToken)}`, { method: "DELETE" });
}

/** All connections that a session sees, as {identifier, name, dataSource}. */
export async function connections(session) {
    const { dataSource } = session;
    const found = await get(session, dataSource, "connections");
    return Object.values(found)
        .map(({ identifier, name }) => ({ identifier, name, dataSource }))
        .sort((a, b) => a.name.localeCompare(b.name));
}

/** One connection, or null if there is none that the session may see. */
export async function connection(session, { identifier, dataSource }) {
    return get(session, dataSource, `connections/${encodeURIComponent(identifier)}`);
}

async function get(session, dataSource, path) {
    const url = `api/session/data/${encodeURIComponent(dataSource)}/${path}`;
    const answer = await fetch(url, { headers: { "Guacamole-Token": session.authToken } });
    if (answer.status === 404)
        return null;
    if (answer.status === 403)
        throw new LoginNeeded("You have been signed out.");
    if (!answer.ok)
        throw new Error(`The server answered ${answer.status}.`);
    return answer.json();
}
